#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "data/source.h"

namespace tenure::data {

/// What a column of the source is to the cleaned table.
enum class ColumnRole : std::uint8_t { kId, kTime, kTarget, kFeature };

/// A column of the source that is kept, and how.
struct PlannedColumn {
  ColumnRole role = ColumnRole::kFeature;
  std::size_t source = 0;  ///< index into the source's columns
  ColumnRule rule;
  bool was_inferred = false;
  std::string null_value_sql;  ///< the rule's null_value as a value of the type; empty = none
};

/// Which columns of a source are kept, and the SQL that makes their values. It names columns by
/// their place alone (v0, c0, b0, ...), so no name of the user can clash with ours.
class ColumnPlan {
 public:
  /// Both are borrowed. Errors: as load_dataset for what the source's columns are.
  static core::Result<ColumnPlan> make(const Source& source, const DataSpec& spec);

  std::vector<PlannedColumn>& columns() { return columns_; }
  const std::vector<PlannedColumn>& columns() const { return columns_; }
  /// The first of that role, nullptr when there is none.
  const PlannedColumn* find(ColumnRole role) const;
  const SourceColumn& source_of(const PlannedColumn& column) const {
    return source_->columns()[column.source];
  }

  /// 'v': what is read from the source; 'c': its value; 'b': a text that is no value.
  std::string slot(char kind, const PlannedColumn& column) const;
  /// The texts that mean missing in a column.
  std::vector<std::string> markers_of(const PlannedColumn& column) const;

  /// SQL of one column: from the source's columns, then from that as v0, v1, ...
  struct Expressions {
    std::string source;
    std::string value;
    std::string bad;
  };
  Expressions expressions_of(const PlannedColumn& column) const;

  /// Reads what replaces missing values, once all types are known. Error: kInvalidArgument.
  core::Result<> read_null_values(Engine& engine);

 private:
  ColumnPlan(const Source& source, const DataSpec& spec) : source_(&source), spec_(&spec) {}
  core::Result<> fill();
  core::Result<> add(ColumnRole role, std::string_view name, std::string_view what);
  core::Result<> add_features();
  ColumnRule rule_of(const SourceColumn& column) const;
  std::string source_text(const PlannedColumn& column) const;

  const Source* source_;
  const DataSpec* spec_;
  std::vector<PlannedColumn> columns_;
};

}  // namespace tenure::data
