#include "tracking/search/filter.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/utf8.h"
#include "tracking/search/filter_lexer.h"

namespace tenure::tracking {
namespace {

using core::equals_ignoring_case;
using Kind = FilterToken::Kind;

// A statement may hold so many conditions before SQLite refuses it as too deep.
constexpr std::size_t kClausesMax = 500;
// Each value is a parameter of the statement.
constexpr std::size_t kListMax = 10'000;

constexpr std::string_view kListStart =
    "While parsing a list in the query, expected a non-empty list of string values, but got ";

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

bool is_word(const FilterToken& token, std::string_view word) {
  return token.kind == Kind::kName && token.is_bare && equals_ignoring_case(token.source, word);
}

bool is_reserved(const FilterToken& token) {
  constexpr auto kReserved = std::to_array<std::string_view>(
      {"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "RLIKE", "BETWEEN"});
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](std::string_view word) { return is_word(token, word); });
}

/// A name, or a "double quoted" one, which no entity may precede.
bool is_name(const FilterToken& token) {
  if (token.kind == Kind::kText) return token.source.front() == '"';
  return token.kind == Kind::kName && !is_reserved(token);
}

std::string_view unquoted(std::string_view text) {
  return text.substr(1, text.size() - 2);
}

FilterName name_of(const FilterToken& token) {
  if (token.kind == Kind::kText) return {"", std::string(unquoted(token.source))};
  return {std::string(token.entity), std::string(token.key)};
}

bool is_value(const FilterToken& token) {
  return token.kind == Kind::kNumber || token.kind == Kind::kText ||
         token.kind == Kind::kParenthesis || (token.kind == Kind::kName && !is_reserved(token));
}

std::string upper(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return made;
}

struct Operator {
  std::string_view text;
  Comparator comparator;
};
constexpr auto kOperators = std::to_array<Operator>({{"=", Comparator::kEqual},
                                                     {"!=", Comparator::kNotEqual},
                                                     {"<", Comparator::kLess},
                                                     {"<=", Comparator::kLessEqual},
                                                     {">", Comparator::kGreater},
                                                     {">=", Comparator::kGreaterEqual},
                                                     {"LIKE", Comparator::kLike},
                                                     {"ILIKE", Comparator::kILike}});

void read_list(FilterValue& value) {
  const auto tokens = split_filter(unquoted(value.source));
  if (tokens.empty()) {
    value.list_error = fmt::format("{}empty list", kListStart);
    return;
  }
  // One comma between two values, and maybe one after the last: Python's tuples.
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool is_comma = tokens[i].kind == Kind::kOther && tokens[i].source == ",";
    if ((i % 2 == 1) != is_comma) {
      value.list_error = fmt::format("{}ill-formed list.", kListStart);
      return;
    }
    if (is_comma) continue;
    if (tokens[i].kind != Kind::kText) {
      value.list_error = fmt::format(
          "While parsing a list in the query, expected string value, punctuation, or whitespace, "
          "but got different type in list: {}",
          value.source);
      return;
    }
    value.texts.emplace_back(unquoted(tokens[i].source));
  }
  if (value.texts.size() > kListMax) {
    value.list_error =
        fmt::format("A list in the query can hold at most {} values. Got {}. Please split it up.",
                    kListMax, value.texts.size());
  }
}

FilterValue value_of(const FilterToken& token) {
  FilterValue value;
  value.source = token.source;
  switch (token.kind) {
    case Kind::kNumber:
      value.kind = FilterValue::Kind::kNumber;
      break;
    case Kind::kText:
      value.kind = FilterValue::Kind::kText;
      value.text = unquoted(token.source);
      break;
    case Kind::kParenthesis:
      value.kind = FilterValue::Kind::kList;
      read_list(value);
      break;
    default:
      value.kind = FilterValue::Kind::kWord;
      break;
  }
  return value;
}

/// The comparator at the start of `tokens` and how many of them it takes.
struct FoundComparator {
  Comparator comparator;
  std::string source;
  std::size_t length;
};

std::optional<FoundComparator> find_comparator(std::span<const FilterToken> tokens) {
  if (tokens.empty()) return std::nullopt;
  const FilterToken& first = tokens.front();
  const auto second_is = [&](std::string_view word) {
    return tokens.size() > 1 && is_word(tokens[1], word);
  };
  if (is_word(first, "IS")) {
    if (second_is("NULL")) return FoundComparator{Comparator::kIsNull, "IS NULL", 2};
    if (second_is("NOT") && tokens.size() > 2 && is_word(tokens[2], "NULL"))
      return FoundComparator{Comparator::kIsNotNull, "IS NOT NULL", 3};
    return std::nullopt;
  }
  if (is_word(first, "IN")) return FoundComparator{Comparator::kIn, "IN", 1};
  if (is_word(first, "NOT")) {
    if (second_is("IN")) return FoundComparator{Comparator::kNotIn, "NOT IN", 2};
    for (const std::string_view word : {"LIKE", "ILIKE", "RLIKE"}) {
      if (second_is(word))
        return FoundComparator{Comparator::kOther, fmt::format("NOT {}", word), 2};
    }
    return std::nullopt;
  }
  if (is_word(first, "RLIKE")) return FoundComparator{Comparator::kOther, "RLIKE", 1};
  for (const Operator& known : kOperators) {
    if (equals_ignoring_case(first.source, known.text) &&
        (first.kind == Kind::kOperator || first.is_bare))
      return FoundComparator{known.comparator, std::string(known.text), 1};
  }
  if (first.kind == Kind::kOperator)
    return FoundComparator{Comparator::kOther, upper(first.source), 1};
  return std::nullopt;
}

/// The clause at the start of `tokens`, which begin with a name, and how many of them it takes; 0
/// for none.
std::size_t read_clause(std::span<const FilterToken> tokens, FilterClause& clause) {
  const auto found = find_comparator(tokens.subspan(1));
  if (!found) return 0;
  clause.name = name_of(tokens.front());
  clause.comparator = found->comparator;
  clause.comparator_source = found->source;
  std::size_t length = 1 + found->length;
  if (found->comparator == Comparator::kIsNull || found->comparator == Comparator::kIsNotNull)
    return length;
  if (length >= tokens.size()) return 0;
  const FilterToken& value = tokens[length];
  const bool wants_list =
      found->comparator == Comparator::kIn || found->comparator == Comparator::kNotIn;
  if (wants_list ? value.kind != Kind::kParenthesis : !is_value(value)) return 0;
  clause.value = value_of(value);
  return length + 1;
}

core::Error invalid_clauses(std::string_view filter, SearchLanguage language,
                            std::span<const std::string_view> clauses) {
  if (language == SearchLanguage::kLoggedModels) {
    return invalid(
        fmt::format("Invalid filter string: {}. Expected a list of comparisons separated by 'AND' "
                    "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
                    python_repr(filter)));
  }
  const std::string_view quote = language == SearchLanguage::kRuns ? "'" : "";
  std::string list;
  for (const std::string_view clause : clauses)
    list += fmt::format("{}{}{}{}", list.empty() ? "" : ", ", quote, clause, quote);
  return invalid(fmt::format("Invalid clause(s) in filter string: {}", list));
}

}  // namespace

core::Result<std::vector<FilterClause>> parse_filter(std::string_view filter,
                                                     SearchLanguage language) {
  if (!core::is_utf8(filter) || filter.find('\0') != std::string_view::npos)
    return invalid("Invalid filter. It must be UTF-8 text without NUL.");
  const std::vector<FilterToken> tokens = split_filter(filter);
  std::vector<FilterClause> clauses;
  std::vector<std::string_view> invalids;
  for (std::size_t at = 0; at < tokens.size();) {
    const FilterToken& token = tokens[at];
    const auto rest = std::span(tokens).subspan(at);
    if (is_word(token, "AND")) {
      ++at;
      continue;
    }
    if (token.kind == Kind::kSemicolon && rest.size() > 1) {
      return invalid(
          fmt::format("Search filter contained multiple expression '{}'. Provide "
                      "AND-ed expression list.",
                      filter));
    }
    FilterClause clause;
    if (const std::size_t length = is_name(token) ? read_clause(rest, clause) : 0; length > 0) {
      clauses.push_back(std::move(clause));
      at += length;
      continue;
    }
    const bool is_left_value = token.kind == Kind::kNumber || token.kind == Kind::kText;
    if (is_left_value && invalids.empty() && language != SearchLanguage::kLoggedModels &&
        find_comparator(rest.subspan(1))) {
      return invalid(
          fmt::format("Invalid comparison clause. Expected 'Identifier' found '{}'", token.source));
    }
    invalids.push_back(token.source);
    ++at;
  }
  if (!invalids.empty()) return invalid_clauses(filter, language, invalids);
  if (clauses.size() > kClausesMax) {
    return invalid(fmt::format("A filter can contain at most {} clauses. Got {}.", kClausesMax,
                               clauses.size()));
  }
  return clauses;
}

core::Result<OrderItem> parse_order(std::string_view text) {
  const auto unreadable = [&] {
    return invalid(fmt::format("Invalid order_by clause '{}'. Could not be parsed.", text));
  };
  if (!core::is_utf8(text) || text.find('\0') != std::string_view::npos) return unreadable();
  const std::vector<FilterToken> tokens = split_filter(text);
  if (tokens.empty() || tokens.size() > 2 || !is_name(tokens.front())) return unreadable();
  OrderItem item{name_of(tokens.front())};
  if (tokens.size() == 1) return item;
  if (is_word(tokens[1], "DESC")) {
    item.is_ascending = false;
  } else if (!is_word(tokens[1], "ASC")) {
    return invalid(fmt::format("Invalid ordering key in order_by clause '{}'.", text));
  }
  return item;
}

std::string python_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string made(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') made += '\\';
    if (c == '\n') {
      made += "\\n";
    } else {
      made += c;
    }
  }
  made += quote;
  return made;
}

}  // namespace tenure::tracking
