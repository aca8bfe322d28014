#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"

namespace tenure::data {

/// What a table holds, column by column: the first look at data that one does not know.
struct Profile {
  /// A value, or a range of numbers, and how many rows have it.
  struct Part {
    std::string value;
    std::int64_t count = 0;
    std::optional<double> rate;  ///< share of the event among its rows that have a label
  };
  /// Of the present values of a column of numbers.
  struct Numbers {
    double min = 0;
    double mean = 0;
    double max = 0;
    double sd = 0;  ///< of a sample (n - 1); 0 for one value
    double q25 = 0;
    double q50 = 0;
    double q75 = 0;
  };
  struct Column {
    std::string name;
    ColumnType type = ColumnType::kText;
    std::int64_t nulls = 0;
    std::int64_t distinct = 0;
    std::optional<Numbers> numbers;  ///< integers and numbers
    std::string first;               ///< timestamps: the earliest, as text
    std::string last;
    std::vector<Part> top;        ///< most frequent first; none for numbers of many values and keys
    std::vector<Part> quartiles;  ///< numbers of many values, when there is a label
  };

  std::int64_t rows = 0;       ///< of the file
  std::int64_t rows_read = 0;  ///< that the columns are described by; fewer for a large file
  std::string label;
  std::string positive;
  std::optional<double> positive_share;  ///< of all rows that have a label
  std::vector<Column> columns;           ///< in the order of the file

  /// {"rows", "sampled_rows"?, "label"?, "positive"?, "positive_share"?, "columns": [{"name",
  /// "type", "nulls", "distinct", "min", "mean", "max", "sd", "q25", "q50", "q75", "top":
  /// [{"value", "count", "rate"?}], "quartiles"?: [...], "top_text": "Month-to-month 55 %, Two year
  /// 24 %"}]}; null where something does not apply.
  core::Json to_json() const;
};

/// Describes a CSV or Parquet file: exactly up to 256 MB, above by a sample of some 100,000 rows
/// that is the same every time, with the exact number of rows and rate of the label. Types are
/// found from the values as infer_table() finds them. `label` may be empty; `positive` "" = found
/// as choose_positive() says. Errors: kNotFound (file; label column, naming the nearest);
/// kInvalidArgument as Source::open and choose_positive.
core::Result<Profile> profile_file(Engine& engine, const std::filesystem::path& file,
                                   const std::string& label, const std::string& positive);

}  // namespace tenure::data
