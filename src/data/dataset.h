#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"
#include "data/text_rule.h"

namespace tenure::data {

/// How one column of the source is read; kept with the data set, so serving and later loads apply
/// the same rules.
struct ColumnRule {
  std::string name;
  ColumnType type = ColumnType::kText;
  bool is_inferred = false;  ///< the type is to be found from the values; never set once loaded
  std::vector<std::string> null_markers = {};  ///< in addition to the data set's
  std::optional<std::string> null_value = {};  ///< replaces missing values
  bool is_required = false;
  /// Who asks for the column, for the error when it is not there: "feature 'fee' of view 'usage'";
  /// empty = data.columns. Not kept with the data set.
  std::string needed_by = {};
};

/// What a table means: section `data` of tenure.yaml.
struct DataSpec {
  std::filesystem::path source;
  std::string format = "auto";  ///< auto, csv, parquet
  char delimiter = 0;           ///< 0 = detect
  std::string id;               ///< column; empty = rows are numbered into a column "row_id"
  std::string time;             ///< column; empty = one snapshot
  std::string label;            ///< column; empty = no label (scoring)
  std::string positive;         ///< the label's value that counts as the event
  std::vector<std::string> null_markers;
  std::string duplicates = "error";            ///< error, first, last
  std::string bad_values = "error";            ///< error, null
  std::map<std::string, std::string> ignored;  ///< column → why
  std::vector<ColumnRule> columns;             ///< those without a rule are inferred
  bool is_exact = false;                       ///< columns without a rule are left out instead

  static core::Result<DataSpec> from_config(const core::Config& config);
};

/// The cleaned table on disk, and what was found while cleaning it.
/// Columns of the Parquet file: the id (text or integer), `event_timestamp` (UTC), every feature
/// column by its own name and type, and `label` (integer 0/1; missing where unknown) when the spec
/// has one.
struct Dataset {
  std::filesystem::path parquet;
  std::string source_sha256;  ///< of the source file's bytes
  std::string id_column;
  bool has_label = false;
  std::vector<ColumnRule> columns;  ///< feature columns, with their final types
  std::int64_t rows = 0;
  std::int64_t positives = 0;
  std::int64_t duplicates_dropped = 0;
  std::map<std::string, std::int64_t> nulls;       ///< per column, before null_value replaces them
  std::map<std::string, std::int64_t> bad_values;  ///< per column, read as missing

  core::Json to_json() const;
  static core::Result<Dataset> from_json(const core::Json& json);
};

inline constexpr std::string_view kEventTimestamp = "event_timestamp";
inline constexpr std::string_view kLabel = "label";
inline constexpr std::string_view kRowId = "row_id";
inline constexpr std::string_view kRowNumber = "file_row_number";  ///< what the engine calls it

/// Reads the source, applies the types and null rules as SQL, checks keys and labels, writes
/// `parquet` atomically. A table without time column is one snapshot, known at `snapshot_time`.
/// Errors, all kInvalidArgument unless said: file missing (kNotFound); empty; header only; one
/// column, so probably a wrong delimiter (naming the likely one); a column of the spec gone (naming
/// the nearest); a value of the wrong type (line, column, value, how many more); duplicate keys (an
/// example, how many); the label has one class, or values other than two, or `positive` never
/// occurs; NaN or infinity in the id or label. Disk full: kResourceExhausted. Nothing is left
/// behind after an error.
core::Result<Dataset> load_dataset(Engine& engine, const DataSpec& spec,
                                   const std::filesystem::path& parquet,
                                   core::Micros snapshot_time);

/// The rows that load_dataset would write, as a query over the source, for bulk work that reads
/// them once: column kRowNumber (from 0, in the order of the file; a range of it is found without
/// reading the rest), then the columns of the spec by name. Nothing when only a pass of its own can
/// tell: for CSV files, types to infer, an id, a time or a label to check. A value that
/// load_dataset refuses ends the query with kInvalidArgument; load_dataset then says which.
/// Errors: as load_dataset for what the source's columns are.
struct DirectQuery {
  std::string sql;
  /// Columns whose texts come as they are written, and what their reader has yet to do.
  std::map<std::string, TextRule> written;
};
/// `as_written`: columns whose reader cleans texts itself, where it can.
core::Result<std::optional<DirectQuery>> direct_query(
    Engine& engine, const DataSpec& spec, const std::vector<std::string>& as_written = {});

}  // namespace tenure::data
