#include "tracking/search/vocabulary.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tracking/search/field_table.h"

namespace tenure::tracking {
namespace {

using Kind = FilterValue::Kind;

constexpr auto kDatasetKeys = std::to_array<std::string_view>({"name", "digest", "context"});

constexpr auto kNumberOperators =
    std::to_array<std::string_view>({"!=", "<", "<=", "=", ">", ">="});
constexpr auto kTextOperators = std::to_array<std::string_view>({"!=", "=", "ILIKE", "LIKE"});
constexpr auto kListOperators =
    std::to_array<std::string_view>({"!=", "=", "ILIKE", "IN", "LIKE", "NOT IN"});
constexpr auto kDataOperators =
    std::to_array<std::string_view>({"!=", "=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE"});

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Error unknown_entity(std::string_view entity, SearchLanguage language) {
  switch (language) {
    case SearchLanguage::kRuns:
      return invalid(
          fmt::format("Invalid entity type '{}'. Valid values are ['metric', "
                      "'parameter', 'tag', 'attribute', 'dataset']",
                      entity));
    case SearchLanguage::kLoggedModels:
      return invalid(
          fmt::format("Invalid entity type: {}. Expected one of ['attributes', "
                      "'metrics', 'params', 'tags'].",
                      python_repr(entity)));
    default:
      return invalid(fmt::format(
          "Invalid entity type '{}'. Valid entity types are ('attribute', 'tag', 'tags')", entity));
  }
}

/// A set as Python prints it: {'a', 'b'}.
template <class Words>
std::string set_of(const Words& words) {
  std::string made;
  for (const auto& word : words) made += fmt::format("{}'{}'", made.empty() ? "{" : ", ", word);
  return made + "}";
}

enum class Use : std::uint8_t { kFilter, kOrder };

core::Result<const Attribute*> find_attribute(std::string_view key, SearchLanguage language,
                                              Use use) {
  std::vector<std::string_view> valid;
  for (const Attribute& attribute : attributes_of(language)) {
    if (!(use == Use::kFilter ? attribute.is_searchable : attribute.is_orderable)) continue;
    if (attribute.name == key) return &attribute;
    valid.push_back(attribute.name);
  }
  std::sort(valid.begin(), valid.end());
  if (use == Use::kOrder && language == SearchLanguage::kRegisteredModels) {
    return invalid(fmt::format(
        "Invalid order by key '{}' specified. Valid keys are '{{'name', 'timestamp'}}'", key));
  }
  return invalid(
      fmt::format("Invalid attribute key '{}' specified. Valid keys are '{}'", key, set_of(valid)));
}

core::Result<FieldName> resolve(const FilterName& name, SearchLanguage language, Use use) {
  FieldName found{Field::kAttribute, name.key};
  if (!name.entity.empty()) {
    const auto entities = entities_of(language);
    const auto entity =
        std::find_if(entities.begin(), entities.end(),
                     [&](const EntityName& known) { return known.name == name.entity; });
    if (entity == entities.end()) return unknown_entity(name.entity, language);
    found.field = entity->field;
  }
  if (found.field == Field::kAttribute) {
    auto attribute = find_attribute(name.key, language, use);
    if (!attribute) return std::move(attribute).error();
    found.attribute = *attribute;
  }
  if (found.field == Field::kDataset &&
      std::find(kDatasetKeys.begin(), kDatasetKeys.end(), name.key) == kDatasetKeys.end()) {
    return invalid(fmt::format("Invalid dataset key '{}' specified. Valid keys are '{}'", name.key,
                               set_of(kDatasetKeys)));
  }
  return found;
}

bool is_number(const FieldName& name) {
  return name.field == Field::kMetric ||
         (name.attribute != nullptr && name.attribute->type == Attribute::Type::kInteger);
}

/// The number of a token that the lexer took for one. Beyond the range of a double it is the
/// greatest, which is what an infinite metric is stored as.
std::variant<std::int64_t, double> number_of(const std::string& text) {
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end)
    return integer;
  double number = 0;
  if (std::from_chars(text.data(), end, number).ec == std::errc::result_out_of_range)
    number = std::strtod(text.c_str(), nullptr);
  if (std::isinf(number)) number = std::copysign(std::numeric_limits<double>::max(), number);
  return number;
}

std::string_view field_word(Field field) {
  switch (field) {
    case Field::kParam:
      return "parameter";
    case Field::kTag:
      return "tag";
    default:
      return "attribute";
  }
}

core::Error not_quoted(const FilterValue& value) {
  return invalid(
      fmt::format("Parameter value is either not quoted or unidentified quote types used for "
                  "string value {}. Use either single or double quotes.",
                  value.source));
}

core::Error wrong_value(const FieldName& name, const FilterValue& value, SearchLanguage language) {
  if (name.field == Field::kMetric)
    return invalid(fmt::format("Expected numeric value type for metric. Found {}", value.source));
  if (name.field == Field::kParam || name.field == Field::kTag) {
    if (value.kind == Kind::kWord) return not_quoted(value);
    return invalid(
        fmt::format("Expected a quoted string value for {} (e.g. 'my-value'). Got value "
                    "{}",
                    field_word(name.field), value.source));
  }
  const bool is_registry =
      language == SearchLanguage::kRegisteredModels || language == SearchLanguage::kModelVersions;
  if (is_number(name)) {
    if (is_registry) {
      return invalid(
          fmt::format("Invalid value for numeric attribute '{}': {}", name.key,
                      value.kind == Kind::kText ? python_repr(value.text) : value.source));
    }
    return invalid(fmt::format("Expected numeric value type for numeric attribute: {}. Found {}",
                               name.key, value.source));
  }
  if (value.kind == Kind::kWord) return not_quoted(value);
  if (value.kind == Kind::kList && name.field == Field::kAttribute) {
    if (language == SearchLanguage::kExperiments || language == SearchLanguage::kRegisteredModels) {
      return invalid(fmt::format(
          "Only ['{}'] attributes support comparison with a list of quoted string values.",
          language == SearchLanguage::kExperiments ? "experiment_id" : "name"));
    }
    return invalid(
        "Only the 'run_id' attribute supports comparison with a list of quoted string values.");
  }
  if (name.field == Field::kDataset) {
    return invalid(
        fmt::format("Expected a quoted string value for dataset attributes. Got value "
                    "{}",
                    value.source));
  }
  if (language == SearchLanguage::kModelVersions && value.kind == Kind::kNumber)
    return invalid(
        "Only the '{'version_number'}' attributes support comparison with numeric "
        "values.");
  return invalid(fmt::format("Expected a quoted string value{} for attributes. Got value {}",
                             is_registry ? " or a list of quoted string values" : "",
                             value.source));
}

bool takes_list(const FieldName& name, SearchLanguage language) {
  if (name.field == Field::kAttribute) return name.attribute->takes_list;
  return name.field == Field::kDataset ||
         (language == SearchLanguage::kLoggedModels && name.field != Field::kMetric);
}

core::Result<> read_number(const FilterValue& value, SearchLanguage language,
                           Condition& condition) {
  const bool may_be_quoted =
      language == SearchLanguage::kModelVersions && value.kind == Kind::kText;
  if (value.kind != Kind::kNumber && !may_be_quoted)
    return wrong_value(condition.name, value, language);
  const std::string& text = may_be_quoted ? value.text : value.source;
  if (language == SearchLanguage::kModelVersions) {  // versions are whole numbers
    std::int64_t version = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
      return wrong_value(condition.name, value, language);
    condition.value = version;
    return {};
  }
  std::visit([&](const auto number) { condition.value = number; }, number_of(text));
  return {};
}

core::Result<> read_value(FilterValue& value, SearchLanguage language, Condition& condition) {
  if (is_number(condition.name)) return read_number(value, language, condition);
  if (value.kind == Kind::kText) {
    condition.value = std::move(value.text);
    return {};
  }
  if (value.kind == Kind::kList && takes_list(condition.name, language)) {
    if (!value.list_error.empty()) return invalid(std::move(value.list_error));
    condition.value = std::move(value.texts);
    return {};
  }
  // MLflow's own example is params.lr = 0.01; params are texts.
  if (value.kind == Kind::kNumber && language == SearchLanguage::kLoggedModels) {
    condition.value = std::move(value.source);
    return {};
  }
  return wrong_value(condition.name, value, language);
}

std::string tuple_of(std::span<const std::string_view> words) {
  std::string made = set_of(words);
  made.front() = '(';
  made.back() = ')';
  return made;
}

core::Error wrong_comparator(const FieldName& name, const FilterClause& clause,
                             std::span<const std::string_view> valid, SearchLanguage language) {
  const bool is_attribute = name.field == Field::kAttribute;
  switch (language) {
    case SearchLanguage::kLoggedModels: {
      constexpr auto kWords =
          std::to_array<std::string_view>({"attributes", "metrics", "params", "tags"});
      return invalid(fmt::format("Invalid comparison operator for {}.{}: {}. Expected one of {}.",
                                 kWords[static_cast<std::size_t>(name.field)], name.key,
                                 python_repr(clause.comparator_source), tuple_of(valid)));
    }
    case SearchLanguage::kRegisteredModels:
    case SearchLanguage::kModelVersions:
      return invalid(fmt::format(
          "Invalid comparator for {}{}: {}", is_attribute ? "attribute" : "tag",
          is_attribute && is_number(name) ? fmt::format(" {}", name.key) : std::string(),
          clause.comparator_source));
    case SearchLanguage::kExperiments:
      if (!is_attribute)
        return invalid(fmt::format("Invalid comparator for tag: {}", clause.comparator_source));
      [[fallthrough]];
    case SearchLanguage::kRuns:
      break;
  }
  return invalid(fmt::format("Invalid comparator '{}' not one of '{}'", clause.comparator_source,
                             set_of(valid)));
}

core::Result<> check_comparator(const FieldName& name, const FilterClause& clause, bool is_list,
                                SearchLanguage language) {
  // What runs and experiments take is said of all their texts, though only ids take lists.
  const bool is_tracked =
      language == SearchLanguage::kRuns || language == SearchLanguage::kExperiments;
  std::span<const std::string_view> valid = kTextOperators;
  if (is_number(name)) {
    valid = kNumberOperators;
  } else if (takes_list(name, language) || (name.field == Field::kAttribute && is_tracked)) {
    valid = kListOperators;
  } else if (name.field != Field::kAttribute) {
    valid = kDataOperators;
  }
  const bool is_list_comparator =
      clause.comparator == Comparator::kIn || clause.comparator == Comparator::kNotIn;
  const bool is_version_list =
      language == SearchLanguage::kModelVersions && clause.comparator == Comparator::kNotIn;
  if (std::find(valid.begin(), valid.end(), clause.comparator_source) == valid.end() ||
      is_list != is_list_comparator || is_version_list)
    return wrong_comparator(name, clause, valid, language);
  return {};
}

core::Result<> check_null(const FieldName& name, SearchLanguage language) {
  if (name.field == Field::kTag || name.field == Field::kParam) return {};
  constexpr auto kWords =
      std::to_array<std::string_view>({"attribute", "metric", "parameter", "tag", "dataset"});
  const std::string_view word = kWords[static_cast<std::size_t>(name.field)];
  if (language == SearchLanguage::kRuns || language == SearchLanguage::kLoggedModels) {
    return invalid(
        fmt::format("IS NULL / IS NOT NULL is only supported for tags and params, not "
                    "for '{}' '{}'",
                    word, name.key));
  }
  return invalid(fmt::format("IS NULL / IS NOT NULL is only supported for tags, not for {} '{}'",
                             word, name.key));
}

}  // namespace

core::Result<std::vector<Condition>> read_filter(std::string_view filter, SearchLanguage language) {
  auto clauses = parse_filter(filter, language);
  if (!clauses) return std::move(clauses).error();
  std::vector<Condition> conditions;
  conditions.reserve(clauses->size());
  for (FilterClause& clause : *clauses) {
    Condition& condition = conditions.emplace_back();
    condition.comparator = clause.comparator;
    auto name = resolve(clause.name, language, Use::kFilter);
    if (!name) return std::move(name).error();
    condition.name = std::move(*name);
    if (clause.comparator == Comparator::kIsNull || clause.comparator == Comparator::kIsNotNull) {
      if (auto checked = check_null(condition.name, language); !checked)
        return std::move(checked).error();
      continue;
    }
    const bool is_list = clause.value.kind == Kind::kList;
    // MLflow looks at the value first, except here: its logged models know each comparator.
    if (language != SearchLanguage::kLoggedModels) {
      if (auto read = read_value(clause.value, language, condition); !read)
        return std::move(read).error();
    }
    if (auto checked = check_comparator(condition.name, clause, is_list, language); !checked)
      return std::move(checked).error();
    if (language == SearchLanguage::kLoggedModels) {
      if (auto read = read_value(clause.value, language, condition); !read)
        return std::move(read).error();
    }
  }
  return conditions;
}

core::Result<std::vector<Order>> read_order_by(std::span<const std::string> order_by,
                                               SearchLanguage language) {
  // Each item joins a table of its own, of which SQLite allows 64.
  constexpr std::size_t kOrderMax = 50;
  if (order_by.size() > kOrderMax) {
    return invalid(fmt::format("`order_by` can contain at most {} fields. Got {}.", kOrderMax,
                               order_by.size()));
  }
  std::vector<Order> orders;
  for (const std::string& text : order_by) {
    auto item = parse_order(text);
    if (!item) return std::move(item).error();
    auto name = resolve(item->name, language, Use::kOrder);
    if (!name) return std::move(name).error();
    if (name->field == Field::kDataset) return invalid("Invalid identifier type 'dataset'");
    if (name->field != Field::kAttribute && language != SearchLanguage::kRuns)
      return invalid(fmt::format("Invalid order_by entity: {}", field_word(name->field)));
    const bool is_known = std::any_of(orders.begin(), orders.end(), [&](const Order& known) {
      if (known.name.field != name->field) return false;
      return name->attribute == nullptr ? known.name.key == name->key
                                        : known.name.attribute->column == name->attribute->column;
    });
    if (is_known) {
      std::vector<std::string> texts;
      for (const std::string& each : order_by) texts.push_back(python_repr(each));
      return invalid(
          fmt::format("`order_by` contains duplicate fields: [{}]", fmt::join(texts, ", ")));
    }
    orders.push_back({std::move(*name), item->is_ascending});
  }
  return orders;
}

const Attribute* orderable_attribute(std::string_view name, SearchLanguage language) {
  const auto attribute = find_attribute(name, language, Use::kOrder);
  return attribute ? *attribute : nullptr;
}

}  // namespace tenure::tracking
