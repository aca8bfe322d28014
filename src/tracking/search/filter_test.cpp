#include "tracking/search/filter.h"

#include <rapidcheck.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tenure::tracking {
namespace {

std::string described(std::string_view filter) {
  const auto clauses = parse_filter(filter, SearchLanguage::kRuns);
  if (!clauses) return clauses.error().message;
  std::string made;
  for (const FilterClause& clause : *clauses) {
    made += fmt::format("[{}|{}|{}|{}]", clause.name.entity, clause.name.key,
                        clause.comparator_source, clause.value.source);
  }
  return made;
}

TEST(Filter, NamesSplitAtTheFirstDot) {
  EXPECT_EQ(described("tags.k.dot = 'v'"), "[tags|k.dot|=|'v']");
  EXPECT_EQ(described("`tags`.`k.dot` = 'v'"), "[tags|k.dot|=|'v']");
  EXPECT_EQ(described("metrics.0 > 1"), "[metrics|0|>|1]");
  EXPECT_EQ(described("params.größe_Ж = 'v'"), "[params|größe_Ж|=|'v']");
  EXPECT_EQ(described("tags.and = 'v' AND tags.select != 'w'"),
            "[tags|and|=|'v'][tags|select|!=|'w']");
  EXPECT_EQ(described("\"name\" = 'x'"), "[|name|=|'x']");
}

TEST(Filter, SpaceIsNeededNowhereButBetweenWords) {
  EXPECT_EQ(described("metrics.a>1and\tmetrics.b<=-2.5e-3\n"),
            "Invalid clause(s) in filter string: 'metrics.a', '>', '1and'");
  EXPECT_EQ(described("metrics.a>1 and\tmetrics.b<=-2.5e-3\n"),
            "[metrics|a|>|1][metrics|b|<=|-2.5e-3]");
}

TEST(Filter, TextIsTakenVerbatim) {
  const auto clauses = parse_filter(R"(tags.a = 'it''s \n "x"')", SearchLanguage::kRuns);
  ASSERT_TRUE(clauses);
  EXPECT_EQ(clauses->front().value.text, R"(it''s \n "x")");
}

TEST(Filter, ListsKeepTheirValues) {
  const auto clauses = parse_filter("run_id NOT IN ( 'a,(b)' , \"C'\" )", SearchLanguage::kRuns);
  ASSERT_TRUE(clauses) << clauses.error().message;
  EXPECT_EQ(clauses->front().comparator, Comparator::kNotIn);
  EXPECT_EQ(clauses->front().value.texts, (std::vector<std::string>{"a,(b)", "C'"}));
}

TEST(Filter, CommentsAndHexNumbersAreNoClauses) {
  EXPECT_EQ(described("tags.a = 'x' -- AND"), "Invalid clause(s) in filter string: '-- AND'");
  EXPECT_EQ(described("tags.a = 'x' /* y */").substr(0, 35), "Invalid clause(s) in filter string:");
  EXPECT_EQ(described("metrics.a = 0x10"),
            "Invalid clause(s) in filter string: 'metrics.a', '=', '0x10'");
  EXPECT_EQ(described("metrics.a = +1"),
            "Invalid clause(s) in filter string: 'metrics.a', '=', '+', '1'");
  EXPECT_EQ(described("tags. = 'x'"), "Invalid clause(s) in filter string: 'tags.', '=', ''x''");
}

TEST(Filter, EachLanguageRefusesInItsOwnWords) {
  EXPECT_EQ(parse_filter("a OR b", SearchLanguage::kExperiments).error().message,
            "Invalid clause(s) in filter string: a, OR, b");
  EXPECT_EQ(parse_filter("it's OR", SearchLanguage::kLoggedModels).error().message,
            "Invalid filter string: \"it's OR\". Expected a list of comparisons separated by 'AND' "
            "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').");
}

TEST(Filter, OrdersAreANameAndADirection) {
  EXPECT_FALSE(parse_order("metrics.`a b` desc")->is_ascending);
  EXPECT_EQ(parse_order("metrics.`a b` desc")->name.key, "a b");
  EXPECT_TRUE(parse_order("  start_time ")->is_ascending);
  EXPECT_TRUE(parse_order("timestamp ASC")->is_ascending);
}

/// What one clause is written as.
std::string in_quotes(const std::string& text) {
  return fmt::format("{0}{1}{0}", text.find('\'') == std::string::npos ? '\'' : '"', text);
}

TEST(Filter, WhatIsWrittenIsRead) {
  const bool holds = rc::check([] {
    // One kind of quote at most, and not at the end: there it would double the closing one.
    const auto letter = rc::gen::element('a', 'B', '0', ' ', '.', '%', '`', '(', '=', '\'', ';');
    std::string text = *rc::gen::container<std::string>(letter);
    const std::string key = *rc::gen::nonEmpty(rc::gen::container<std::string>(
        rc::gen::element('a', 'B', '0', ' ', '.', '/', '-', ':', '\'')));
    const bool is_like = *rc::gen::arbitrary<bool>();
    const std::string filter =
        fmt::format("AND tags.`{}`{}{} and ", key, is_like ? " Like " : "!=", in_quotes(text));
    const auto clauses = parse_filter(filter, SearchLanguage::kRuns);
    RC_ASSERT(clauses.has_value());
    RC_ASSERT(clauses->size() == 1U);
    const FilterClause& clause = clauses->front();
    RC_ASSERT(clause.name.entity == "tags");
    RC_ASSERT(clause.name.key == key);
    RC_ASSERT(clause.comparator == (is_like ? Comparator::kLike : Comparator::kNotEqual));
    RC_ASSERT(clause.value.text == text);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace tenure::tracking
