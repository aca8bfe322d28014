#include "api/mlflow/graphql/document.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::api::mlflow::graphql {
namespace {

using ::testing::HasSubstr;

/// "run{info{status} as:data}" of the fields asked for.
std::string shape(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    if (!text.empty()) text += ' ';
    if (field.key != field.name) text += field.key + ':';
    text += field.name;
    if (!field.fields.empty()) text += '{' + shape(field.fields) + '}';
  }
  return text;
}

std::string shape_of(std::string_view query, std::string_view operation = "",
                     const core::JsonObject& variables = {}) {
  auto fields = parse_query(query, operation, variables);
  return fields ? shape(*fields) : "error: " + fields.error().message;
}

TEST(ParseQuery, FindsTheFieldsOfAnOperation) {
  EXPECT_EQ(shape_of("{ a { b, c } d }"), "a{b c} d");
  EXPECT_EQ(shape_of("query Q { a }"), "a");
  EXPECT_EQ(shape_of("query A { a } query B { b }", "B"), "b");
  EXPECT_EQ(shape_of(R"(query testQuery @component(name: "Test") { x: a # comment
                         { __typename } })"),
            "x:a{__typename}");
}

TEST(ParseQuery, ReadsArgumentsOfEveryKind) {
  const auto fields =
      parse_query(R"({ f(input: {text: "a\"\u00e9\n", list: [1, -2.5, true, null, ENUM],
                                  block: """two
"lines" """, empty: {}}) { x } })",
                  "", {});
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ(core::Json(fields->at(0).arguments),
            core::parse_json(R"({"input":{"text":"a\"é\n","list":[1,-2.5,true,null,"ENUM"],)"
                             R"("block":"two\n\"lines\" ","empty":{}}})")
                .value());
}

TEST(ParseQuery, PutsVariablesInTheirPlace) {
  const auto fields = parse_query(R"(query Q($data: In!, $n: [Int!]! = [7], $gone: String) {
                       f(input: $data, n: $n, gone: $gone, deep: [{x: $data}]) })",
                                  "Q", {{"data", core::JsonObject{{"runId", "r"}}}});
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ(core::Json(fields->at(0).arguments),
            core::parse_json(R"({"input":{"runId":"r"},"n":[7],"gone":null,)"
                             R"("deep":[{"x":{"runId":"r"}}]})")
                .value());
}

TEST(ParseQuery, SpreadsFragmentsAndJoinsFields) {
  EXPECT_EQ(shape_of(R"(query Q { run { ...Part info { id } ... on Run { data } } }
                        fragment Part on Run { info { status id } })"),
            "run{info{status id} data}");
  EXPECT_EQ(shape_of("{ ...No }"), "error: Unknown fragment 'No'.");
  EXPECT_THAT(shape_of("{ ...A } fragment A on Q { ...B } fragment B on Q { ...A }"),
              HasSubstr("too deep"));
  EXPECT_EQ(shape_of("{ a a: b }"), "error: Fields 'a' conflict. Use different aliases.");
}

TEST(ParseQuery, SkipsWhatDirectivesSay) {
  const core::JsonObject yes{{"yes", true}};
  EXPECT_EQ(shape_of("query ($yes: Boolean) { a @skip(if: $yes) b @include(if: $yes) "
                     "c @include(if: false) { x } d }",
                     "", yes),
            "b d");
}

TEST(ParseQuery, TellsTheLineOfAMistake) {
  EXPECT_EQ(shape_of("{ a\n b( }"), "error: Syntax Error: line 2: expected a name, found }.");
  EXPECT_THAT(shape_of("{ a"), HasSubstr("expected a name, found the end"));
  for (const char* bad : {"", "{}", "query", "{ a(b: ) }", "{ a \"text\" }", "{ a(b: \"open) }",
                          "{ a(b: \"\\x\") }", "{ a(b: 1.) }", "{ a } }", "{ a ... }", "? { a }",
                          "fragment F on T { a }", "query Q($x) { a }", "{ a(b: -) }"})
    EXPECT_THAT(shape_of(bad), HasSubstr("error: ")) << bad;
  EXPECT_THAT(shape_of("mutation { a }"), HasSubstr("Only queries are answered here"));
  EXPECT_THAT(shape_of("query A { a }", "B"), HasSubstr("Unknown operation named 'B'."));
  EXPECT_THAT(shape_of("query A { a } query B { b }"), HasSubstr("Must provide operation name"));
}

TEST(ParseQuery, LimitsWhatMayBeAskedFor) {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "{ a ";
    for (int i = 0; i < depth; ++i) text += '}';
    return text;
  };
  EXPECT_THAT(shape_of(nested(10)), HasSubstr("a{a{"));
  EXPECT_EQ(shape_of(nested(11)), "error: Query exceeds maximum depth of 10.");
  EXPECT_THAT(shape_of(nested(100'000)), HasSubstr("error: "));
  std::string roots = "{", aliases = "{ a {", many = "{ a {";
  for (int i = 0; i < 11; ++i) roots += fmt::format(" f{}", i);
  for (int i = 0; i < 11; ++i) aliases += fmt::format(" x{}: b", i);
  for (int i = 0; i < 1000; ++i) many += " b";
  EXPECT_EQ(shape_of(roots + "}"),
            "error: GraphQL queries should have at most 10 root fields, got 11.");
  EXPECT_EQ(shape_of(aliases + "} }"),
            "error: GraphQL queries should have at most 10 aliases, got 11.");
  EXPECT_EQ(shape_of(many + "} }"), "error: Query exceeds maximum total selections of 1000.");
  EXPECT_THAT(shape_of("{ a(b: " + std::string(100'000, '[')), HasSubstr("error: "));
}

RC_GTEST_PROP(ParseQuery, SurvivesAnyTokens, (const std::vector<std::uint8_t>& choices)) {
  static const std::vector<std::string> kTokens = {
      "{", "}",      "(",   ")",  "[",      "]",        ":",   "=",     "!",
      "@", "$",      "...", "a",  "query",  "fragment", "on",  "\"t\"", "\"",
      "1", "-1.5e3", "#",   "\n", "\"\"\"", "\\",       "\xFF"};
  std::string text;
  for (const std::uint8_t choice : choices) text += kTokens[choice % kTokens.size()] + " ";
  const auto fields = parse_query(text, "", {});
  RC_ASSERT(fields || !fields.error().message.empty());
}

}  // namespace
}  // namespace tenure::api::mlflow::graphql
