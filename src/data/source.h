#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/csv_scan.h"
#include "data/engine.h"
#include "data/table.h"

namespace tenure::data {

struct SourceColumn {
  std::string name;
  std::string expression;          ///< reads it from the source's view
  std::optional<ColumnType> type;  ///< the file says so; nothing = text that is to be read
  /// What `expression` gives are values of `type` as they are: BOOLEAN, integers of 64 bits,
  /// DOUBLE. Others go by way of their text, as a CSV file's do.
  bool is_native = false;
};

/// A CSV or Parquet file, opened as a view of the engine: nothing is read before it is asked for.
/// The view and every table named temporary_name() go with the object.
class Source {
 public:
  /// `format`: auto, csv or parquet. `delimiter` 0 = detect.
  /// Errors: kNotFound; kInvalidArgument as read_csv_head() tells, for a folder, and for equal
  /// names; kCorruption for a damaged Parquet file.
  static core::Result<Source> open(Engine& engine, const std::filesystem::path& path,
                                   std::string_view format, char delimiter);
  ~Source();
  Source(Source&&) noexcept;
  Source& operator=(Source&&) = delete;

  const std::vector<SourceColumn>& columns() const { return columns_; }
  const std::filesystem::path& path() const { return path_; }
  bool is_csv() const { return is_csv_; }
  char delimiter() const { return head_.delimiter; }
  /// Whether the engine reads the CSV file strictly; execute() ends that when the file needs it.
  bool is_strict() const { return is_strict_; }
  std::vector<std::string> names() const;
  const std::string& view() const { return view_; }

  /// "<view>_<suffix>": a table of this name is dropped with the source.
  std::string temporary_name(std::string_view suffix);

  /// Runs a statement that reads the view. A malformed file becomes an error that names the line
  /// and says what is wrong with it.
  core::Result<> execute(std::string_view sql);

  /// Where data row `row` (from 0) is: "customers.csv:17", or "customers.parquet, row 16".
  std::string place_of(std::int64_t row) const;

 private:
  Source(Engine& engine, std::filesystem::path path);
  core::Result<> open_csv(char delimiter);
  core::Result<> open_parquet();
  core::Result<> make_csv_view(bool is_strict);

  Engine* engine_;
  std::filesystem::path path_;
  bool is_csv_ = true;
  bool is_strict_ = true;
  CsvHead head_;
  std::string view_;
  std::vector<SourceColumn> columns_;
  std::vector<std::string> temporaries_;
};

}  // namespace tenure::data
