// How section `data` of tenure.yaml becomes the specs of this folder.
#include <cctype>

#include <fmt/format.h>

#include "data/column_name.h"
#include "data/dataset.h"
#include "data/split.h"

namespace tenure::data {
namespace {

using core::Config;
using core::Result;

Result<char> delimiter_of(const Config& config) {
  const std::string text = config.text("data.delimiter");
  if (text == "auto" || text.empty()) return char{0};
  if (text == "\\t" || lower_case(text) == "tab") return '\t';
  // A quote, a line end, or what stands inside values cannot separate them.
  const bool is_usable =
      text.size() == 1 && std::string_view("\"\r\n.+-_").find(text[0]) == std::string_view::npos &&
      static_cast<unsigned char>(text[0]) < 0x80 && std::isalnum(text[0]) == 0 && text[0] != 0;
  if (!is_usable)
    return config.error_at("data.delimiter",
                           fmt::format("'{}' cannot separate fields; expected auto, tab, or one "
                                       "character such as , ; |",
                                       text));
  return text[0];
}

Result<ColumnRule> rule_of(const Config& column, const std::string& name) {
  ColumnRule rule;
  rule.name = without_blanks(name);  // as the names of a header are read
  if (const std::string type = column.text("type"); type.empty()) {
    rule.is_inferred = true;
  } else {
    auto parsed = parse_column_type(type);
    if (!parsed) return column.error_at("type", parsed.error().message);
    rule.type = *parsed;
  }
  rule.null_markers = column.list("null_markers");
  if (column.is_set("null_value")) rule.null_value = column.text("null_value");
  rule.is_required = column.boolean("required");
  return rule;
}

}  // namespace

Result<DataSpec> DataSpec::from_config(const Config& config) {
  DataSpec spec;
  const std::string source = config.text("data.source");
  if (source.empty())
    return config.error_at("data.source", "is not set; expected a CSV or Parquet file");
  spec.source = config.resolve(source);
  spec.format = config.text("data.format");
  auto delimiter = delimiter_of(config);
  if (!delimiter) return std::move(delimiter).error();
  spec.delimiter = *delimiter;
  spec.id = without_blanks(config.text("data.id"));
  spec.time = without_blanks(config.text("data.time"));
  spec.label = without_blanks(config.text("data.label.column"));
  spec.positive = config.text("data.label.positive");
  spec.null_markers = config.list("data.null_markers");
  spec.duplicates = config.text("data.duplicates");
  spec.bad_values = config.text("data.bad_values");
  const Config ignored = config.at("data.ignore");
  for (const std::string& name : config.names("data.ignore"))
    spec.ignored[std::string(without_blanks(name))] = ignored.entry(name).text("");
  const Config columns = config.at("data.columns");
  for (const std::string& name : config.names("data.columns")) {
    auto rule = rule_of(columns.entry(name), name);
    if (!rule) return std::move(rule).error();
    spec.columns.push_back(std::move(*rule));
  }
  return spec;
}

Result<SplitSpec> SplitSpec::from_config(const Config& config) {
  SplitSpec spec;
  spec.method = config.text("data.split.method");
  spec.test_share = config.number("data.split.test");
  spec.seed = static_cast<std::uint64_t>(config.integer("data.split.seed"));
  spec.group_column = config.text("data.split.group");
  if (spec.method == "group" && spec.group_column.empty())
    return config.error_at("data.split.group",
                           "is not set; method group needs the column whose values stay together");
  return spec;
}

}  // namespace tenure::data
