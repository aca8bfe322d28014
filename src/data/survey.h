#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/column_facts.h"
#include "data/engine.h"
#include "data/label.h"
#include "data/sample_rule.h"
#include "data/source.h"

namespace tenure::data {

/// What a column says, alone and about the label. Counts are of the rows read.
struct ColumnEvidence {
  std::string name;
  std::optional<ColumnType> native;  ///< the file's own type
  ColumnFacts facts;
  std::vector<std::string> markers = {};  ///< texts read as missing besides the given ones
  std::string most_frequent = {};
  std::int64_t length_min = 0;
  double minimum = 0;  ///< of its numbers
  double maximum = 0;
  std::int64_t dates = 0;      ///< rows that are a date in a notation other than ISO 8601
  std::int64_t decorated = 0;  ///< rows that are a number with currency sign, percent or separators
  std::string decorated_example = {};
  std::int64_t positives = 0;  ///< rows with a value and a label, by class
  std::int64_t negatives = 0;
  /// Chance that a random positive row has a higher number than a random negative one; ties half.
  /// Estimated to about 0.005 above 20,000 rows.
  std::optional<double> number_auc = {};
  /// The same for the categories ordered by their rates, missing being one of them; rare categories
  /// are taken together.
  std::optional<double> category_auc = {};
  std::string content = {};    ///< equal: the same values in the same rows
  std::string partition = {};  ///< equal: the same rows share a value
};

/// The rows of a source as texts, blanks around them removed, and their values grouped by column
/// with counts per class: everything that is asked about columns is answered from the groups, which
/// are much smaller than the rows. Not thread-safe.
class Survey {
 public:
  /// Counts the rows and the values of the label, and reads all rows or a sample, by a rule that is
  /// the same every time. `markers` are the texts that mean missing. Errors: as Source::execute;
  /// kInvalidArgument for a file without rows.
  static core::Result<Survey> read(Engine& engine, Source& source,
                                   const std::vector<std::string>& markers,
                                   std::optional<std::size_t> label, const SampleRule& rule);

  std::int64_t rows() const { return rows_; }            ///< of the file
  std::int64_t rows_read() const { return rows_read_; }  ///< fewer when a sample was taken
  bool is_sample() const { return rows_read_ < rows_; }
  /// Columns v0, v1, ... as texts; the given markers are still in them.
  const std::string& table() const { return table_; }

  /// The column of that index as text, from the file's view.
  std::string source_text(std::size_t column) const;

  /// The values of the label and their counts, most frequent first, from all rows of the file; at
  /// most 20. None without a label.
  const std::vector<LabelValue>& label_values() const { return label_values_; }

  /// Groups the values. Without a label the counts per class are 0.
  core::Result<> group(std::string_view positive);

  /// Finds the texts that mean missing in columns that are numbers or times but for them, and takes
  /// them out of the groups.
  core::Result<> find_markers();

  /// In the order of the source's columns. `has_ranks`: also the AUCs.
  core::Result<std::vector<ColumnEvidence>> evidence(bool has_ranks) const;

  /// Whether the numbers of two columns with equal partitions rise or fall together.
  core::Result<bool> is_monotone(std::size_t a, std::size_t b) const;

  /// The most frequent values of the wanted columns, with counts per class; none for the others.
  struct Value {
    std::string text;
    std::int64_t count = 0;
    std::int64_t positives = 0;
    std::int64_t negatives = 0;
  };
  core::Result<std::vector<std::vector<Value>>> top_values(const std::vector<std::size_t>& wanted,
                                                           std::size_t limit) const;

 private:
  Survey(Engine& engine, Source& source, const std::vector<std::string>& markers);
  std::string raw_text(std::size_t column) const;
  core::Result<> count_rows();
  core::Result<> take_rows(const SampleRule& rule);
  std::int64_t sample_size(const SampleRule& rule) const;
  std::string group_sql(std::size_t column) const;
  core::Result<> read_ranks(std::vector<ColumnEvidence>& columns) const;

  Engine* engine_;
  Source* source_;
  std::vector<std::string> default_markers_;
  std::optional<std::size_t> label_;
  std::vector<LabelValue> label_values_;
  std::string table_;
  std::string groups_;  ///< c (column), v (text), n, p, q (rows, positives, negatives), s (which
                        ///< rows), d (number)
  std::string is_positive_ = "NULL::BOOLEAN";
  std::int64_t rows_ = 0;
  std::int64_t rows_read_ = 0;
  std::vector<std::vector<std::string>> markers_;
};

/// The type of a column once its markers are taken out: the file's own, else the narrowest.
ColumnType type_of(const ColumnEvidence& column);

}  // namespace tenure::data
