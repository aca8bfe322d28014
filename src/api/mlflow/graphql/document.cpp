#include "api/mlflow/graphql/document.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "api/mlflow/graphql/lexer.h"

namespace tenure::api::mlflow::graphql {
namespace {

using core::Error;
using core::ErrorCode;
using core::Json;
using core::JsonArray;
using core::JsonObject;
using core::Result;

/// What stands in a pair of braces: a field, or a fragment that is spread there by name or with
/// fields of its own.
struct Selection {
  Field field;
  std::string fragment;  ///< "...name"
  bool is_inline = false;
  bool is_wanted = true;  ///< false: skipped by a directive
  std::vector<Selection> inner;
};

struct Operation {
  std::string name;
  bool is_query = true;
  std::vector<Selection> selections;
};

Error mistake(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

/// Reads a document by recursive descent; the first mistake ends it.
class Parser {
 public:
  Parser(std::string_view text, const JsonObject& variables)
      : lexer_(text), given_(variables), variables_(variables) {
    advance();
  }

  void document() {
    while (!has_failed() && token_.kind != Token::Kind::kEnd) definition();
    if (!has_failed() && operations_.empty()) fail("an operation");
  }

  bool has_failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  const std::vector<Operation>& operations() const { return operations_; }
  const std::map<std::string, std::vector<Selection>>& fragments() const { return fragments_; }

 private:
  static constexpr int kNestingMax = 64;

  void advance() {
    token_ = lexer_.next();
    if (token_.kind == Token::Kind::kBad) fail("a token of GraphQL");
  }

  void fail(std::string_view expected) {
    if (error_) return;
    const std::string_view found = token_.source.empty() ? "the end" : token_.source;
    error_ = mistake(fmt::format("Syntax Error: line {}: expected {}, found {}.", lexer_.line(),
                                 expected, found.substr(0, 40)));
  }

  bool take(std::string_view what) {
    if (error_ || !token_.is(what)) return false;
    advance();
    return true;
  }

  void expect(std::string_view what) {
    if (!take(what)) fail(what);
  }

  std::string name() {
    if (token_.kind != Token::Kind::kName) {
      fail("a name");
      return {};
    }
    std::string text(token_.source);
    advance();
    return text;
  }

  void definition() {
    if (token_.is("{")) {
      operations_.push_back({.name = {}, .is_query = true, .selections = selections()});
      return;
    }
    if (take("fragment")) {
      std::string fragment = name();
      expect("on");
      name();
      directives();
      fragments_.insert_or_assign(std::move(fragment), selections());
      return;
    }
    Operation operation;
    if (!take("query")) {
      operation.is_query = false;
      if (!take("mutation") && !take("subscription")) return fail("query");
    }
    if (token_.kind == Token::Kind::kName) operation.name = name();
    variables_ = given_;
    if (take("(")) {
      while (!error_ && !take(")")) variable_definition();
    }
    directives();
    operation.selections = selections();
    operations_.push_back(std::move(operation));
  }

  void variable_definition() {
    expect("$");
    const std::string variable = name();
    expect(":");
    type();
    if (take("=")) {
      Json fallback = value();
      if (!variables_.contains(variable)) variables_[variable] = std::move(fallback);
    }
    directives();
  }

  void type() {
    int lists = 0;
    while (take("[")) ++lists;
    name();
    take("!");
    for (; lists > 0; --lists) {
      expect("]");
      take("!");
    }
  }

  /// False when they say that what they stand at is not wanted.
  bool directives() {
    bool is_wanted = true;
    while (take("@")) {
      const std::string directive = name();
      const JsonObject given = arguments();
      const Json* const condition = given.if_contains("if");
      const bool is_true = condition != nullptr && condition->is_bool() && condition->get_bool();
      if (directive == "skip" && is_true) is_wanted = false;
      if (directive == "include" && !is_true) is_wanted = false;
    }
    return is_wanted;
  }

  std::vector<Selection> selections() {
    std::vector<Selection> list;
    expect("{");
    if (++nesting_ > kNestingMax) fail("fewer braces");
    while (!error_ && !take("}")) list.push_back(selection());
    --nesting_;
    if (!error_ && list.empty()) fail("a field");
    return list;
  }

  Selection selection() {
    Selection one;
    if (take("...")) {
      if (take("on")) {
        name();
        one.is_inline = true;
      } else if (token_.kind == Token::Kind::kName) {
        one.fragment = name();
      } else {
        one.is_inline = true;
      }
      one.is_wanted = directives();
      if (one.is_inline) one.inner = selections();
      return one;
    }
    one.field.key = one.field.name = name();
    if (take(":")) one.field.name = name();
    one.field.arguments = arguments();
    one.is_wanted = directives();
    if (token_.is("{")) one.inner = selections();
    return one;
  }

  JsonObject arguments() {
    JsonObject given;
    if (!take("(")) return given;
    while (!error_ && !take(")")) member(given);
    return given;
  }

  void member(JsonObject& object) {
    const std::string key = name();
    expect(":");
    object.insert_or_assign(key, value());
  }

  Json value() {
    if (++nesting_ > kNestingMax) fail("fewer brackets");
    Json read = error_ ? Json() : value_of_token();
    --nesting_;
    return read;
  }

  Json value_of_token() {
    if (take("$")) {
      const Json* const found = variables_.if_contains(name());
      return found == nullptr ? Json() : *found;
    }
    if (take("[")) {
      JsonArray list;
      while (!error_ && !take("]")) list.push_back(value());
      return list;
    }
    if (take("{")) {
      JsonObject object;
      while (!error_ && !take("}")) member(object);
      return object;
    }
    Json scalar = scalar_of_token();
    if (!error_) advance();
    return scalar;
  }

  Json scalar_of_token() {
    switch (token_.kind) {
      case Token::Kind::kText:
        return Json(token_.text);
      case Token::Kind::kInteger: {
        std::int64_t integer = 0;
        const std::string_view text = token_.source;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer);
        if (error == std::errc()) return integer;
        return Json(text);
      }
      case Token::Kind::kReal: {
        double real = 0;
        const std::string_view text = token_.source;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
        if (error == std::errc()) return real;
        return Json(text);
      }
      case Token::Kind::kName:
        if (token_.source == "true" || token_.source == "false")
          return Json(token_.source == "true");
        if (token_.source == "null") return {};
        return Json(token_.source);  // of an enumeration
      case Token::Kind::kPunctuator:
      case Token::Kind::kEnd:
      case Token::Kind::kBad:
        break;
    }
    fail("a value");
    return {};
  }

  Lexer lexer_;
  Token token_;
  const JsonObject& given_;
  JsonObject variables_;  ///< given, with the defaults of the operation that is read
  std::optional<Error> error_;
  int nesting_ = 0;
  std::vector<Operation> operations_;
  std::map<std::string, std::vector<Selection>> fragments_;
};

/// Puts fragments where they are spread, joins fields that are asked for twice, and counts.
class Expansion {
 public:
  explicit Expansion(const std::map<std::string, std::vector<Selection>>& fragments)
      : fragments_(fragments) {}

  Result<std::vector<Field>> expand(const std::vector<Selection>& selections) {
    std::vector<Field> fields;
    if (auto added = add(selections, 1, 0, fields); !added) return std::move(added).error();
    if (fields.size() > kRootFieldsMax)
      return too_many(kRootFieldsMax, "root fields", fields.size());
    return fields;
  }

 private:
  static Error too_many(std::size_t max, std::string_view what, std::size_t count) {
    return mistake(
        fmt::format("GraphQL queries should have at most {} {}, got {}.", max, what, count));
  }

  Result<> add(const std::vector<Selection>& selections, std::size_t depth, std::size_t spreads,
               std::vector<Field>& fields) {
    if (depth > kDepthMax)
      return mistake(fmt::format("Query exceeds maximum depth of {}.", kDepthMax));
    // A fragment that spreads itself never ends.
    if (spreads > kDepthMax) return mistake("Fragments are spread in each other too deep.");
    for (const Selection& one : selections) {
      if (++selections_ > kSelectionsMax)
        return mistake(
            fmt::format("Query exceeds maximum total selections of {}.", kSelectionsMax));
      if (!one.is_wanted) continue;
      auto added = one.is_inline || !one.fragment.empty()
                       ? add_fragment(one, depth, spreads, fields)
                       : add_field(one, depth, spreads, fields);
      if (!added) return added;
    }
    const auto aliases = static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [](const Field& field) { return field.key != field.name; }));
    if (aliases > kAliasesMax) return too_many(kAliasesMax, "aliases", aliases);
    return {};
  }

  Result<> add_fragment(const Selection& one, std::size_t depth, std::size_t spreads,
                        std::vector<Field>& fields) {
    if (one.is_inline) return add(one.inner, depth, spreads + 1, fields);
    const auto found = fragments_.find(one.fragment);
    if (found == fragments_.end())
      return mistake(fmt::format("Unknown fragment '{}'.", one.fragment));
    return add(found->second, depth, spreads + 1, fields);
  }

  Result<> add_field(const Selection& one, std::size_t depth, std::size_t spreads,
                     std::vector<Field>& fields) {
    auto same = std::find_if(fields.begin(), fields.end(),
                             [&](const Field& field) { return field.key == one.field.key; });
    if (same == fields.end()) {
      fields.push_back(one.field);
      same = std::prev(fields.end());
    } else if (same->name != one.field.name || same->arguments != one.field.arguments) {
      return mistake(fmt::format("Fields '{}' conflict. Use different aliases.", one.field.key));
    }
    if (one.inner.empty()) return {};
    return add(one.inner, depth + 1, spreads, same->fields);
  }

  const std::map<std::string, std::vector<Selection>>& fragments_;
  std::size_t selections_ = 0;
};

Result<const Operation*> find_operation(const std::vector<Operation>& operations,
                                        std::string_view name) {
  if (name.empty()) {
    if (operations.size() == 1) return &operations.front();
    return mistake("Must provide operation name if query contains multiple operations.");
  }
  for (const Operation& operation : operations) {
    if (operation.name == name) return &operation;
  }
  return mistake(fmt::format("Unknown operation named '{}'.", name));
}

}  // namespace

bool Field::asks_for(std::string_view name_of_field) const {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return field.name == name_of_field; });
}

Result<std::vector<Field>> parse_query(std::string_view text, std::string_view operation,
                                       const JsonObject& variables) {
  Parser parser(text, variables);
  parser.document();
  if (parser.has_failed()) return parser.error();
  auto chosen = find_operation(parser.operations(), operation);
  if (!chosen) return std::move(chosen).error();
  if (!(*chosen)->is_query)
    return Error{ErrorCode::kUnimplemented, "Only queries are answered here, no mutations."};
  return Expansion(parser.fragments()).expand((*chosen)->selections);
}

}  // namespace tenure::api::mlflow::graphql
