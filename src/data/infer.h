#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/sample_rule.h"
#include "data/table.h"

namespace tenure::data {

/// A table that nobody described yet. What is "" is found from the values; only the label has to be
/// named.
struct InferRequest {
  std::filesystem::path file;  ///< CSV or Parquet
  std::string label;
  std::string id;
  std::string positive;
  std::string time;        ///< "" = the table is one snapshot; dates are then no features
  SampleRule sample = {};  ///< how many rows the columns are judged by
};

/// A column to learn from.
struct InferredColumn {
  std::string name;
  ColumnType type = ColumnType::kText;
  /// Texts that mean missing, without those that config key data.null_markers lists by default.
  std::vector<std::string> null_markers;
  std::int64_t distinct = 0;
  double null_share = 0;
};

struct InferredTable {
  struct Ignored {
    std::string column;
    std::string why;  ///< for people, as an end of "left out: "
  };

  std::int64_t rows = 0;
  std::string id;  ///< "" = rows are numbered
  std::string time;
  std::string label;
  std::string positive;
  double positive_share = 0;  ///< of the rows that have a label
  std::vector<InferredColumn> features;
  std::vector<Ignored> ignored;
  std::vector<std::string> notes;  ///< what a person should know, one sentence each
};

/// Finds out what the columns of a table are, so that load_dataset() with them succeeds on the same
/// file: types, texts that mean missing, the id, the label's positive value, and which columns
/// nothing should be learned from (constants, ids, dates, free text, copies of another column, and
/// what is only known after the outcome), each with its reason.
/// Larger files (some 1.5 million cells, at least 20,000 rows) are judged by a sample that is the
/// same every time; what must hold for every row (unique ids, types, constants, label values) is
/// still checked on all of them. Errors: kNotFound (file; a named column, naming the nearest);
/// kInvalidArgument for what load_dataset refuses in any case (empty, header only, malformed, the
/// label's values), an id that repeats, a time that is none, fewer than 50 rows or 10 of a class,
/// and no column left to learn from. Threads: one at a time for each engine.
core::Result<InferredTable> infer_table(Engine& engine, const InferRequest& request);

}  // namespace tenure::data
