#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <rapidcheck.h>

#include <gtest/gtest.h>

#include "tracking/search/searches.h"
#include "tracking/testing/search_test_base.h"

// Random filters and orders over random runs, against an evaluation without a database.
namespace tenure::tracking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// LIKE by the book: % any run, _ one character. ASCII.
bool is_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '%') {
    return is_like(text, pattern.substr(1)) || (!text.empty() && is_like(text.substr(1), pattern));
  }
  return !text.empty() && (pattern.front() == '_' || pattern.front() == text.front()) &&
         is_like(text.substr(1), pattern.substr(1));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <class T>
bool compares(const T& left, const std::string& comparator, const T& right) {
  if (comparator == "=") return left == right;
  if (comparator == "!=") return left != right;
  if (comparator == "<") return left < right;
  if (comparator == "<=") return left <= right;
  if (comparator == ">") return left > right;
  return left >= right;
}

template <class Map>
std::optional<typename Map::mapped_type> value_in(const Map& map, const std::string& key) {
  const auto found = map.find(key);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

struct TestClause {
  std::string text;
  std::function<bool(const TestRun&)> holds;
};

TestClause number_clause() {
  const auto comparator = *rc::gen::element<std::string>("=", "!=", "<", "<=", ">", ">=");
  const auto tenths = *rc::gen::inRange(-10, 10);
  const double value = tenths / 4.0;
  if (*rc::gen::arbitrary<bool>()) {
    return {fmt::format("start_time {} {}", comparator, value), [=](const TestRun& run) {
              return compares(static_cast<double>(run.start_ms), comparator, value);
            }};
  }
  const auto key = *rc::gen::element<std::string>("a", "b c");
  return {fmt::format("metrics.`{}` {} {}", key, comparator, value), [=](const TestRun& run) {
            const auto found = value_in(run.metrics, key);
            return found && compares(*found, comparator, value);
          }};
}

TestClause text_clause() {
  const bool is_param = *rc::gen::arbitrary<bool>();
  const auto key = *rc::gen::element<std::string>("p", "q.r");
  const auto comparator =
      *rc::gen::element<std::string>("=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL");
  const auto value = *rc::gen::container<std::string>(rc::gen::element('a', 'A', 'b', '%', '_'));
  const bool has_value = !comparator.starts_with("IS");
  return {fmt::format("{}.{} {}{}", is_param ? "params" : "tags", key, comparator,
                      has_value ? fmt::format(" '{}'", value) : std::string()),
          [=](const TestRun& run) {
            const auto found = value_in(is_param ? run.params : run.tags, key);
            if (!has_value) return found.has_value() == (comparator == "IS NOT NULL");
            if (!found) return false;
            if (comparator == "LIKE") return is_like(*found, value);
            if (comparator == "ILIKE") return is_like(lower(*found), lower(value));
            return compares(*found, comparator, value);
          }};
}

TestRun random_run(int number) {
  TestRun run;
  run.id = fmt::format("{:03}", number);
  run.start_ms = *rc::gen::inRange(-3, 4);
  for (const std::string key : {"a", "b c"}) {
    const auto kind = *rc::gen::inRange(0, 4);
    if (kind == 1) run.metrics[key] = kNan;
    if (kind > 1) run.metrics[key] = *rc::gen::inRange(-10, 10) / 4.0;
  }
  for (const std::string key : {"p", "q.r"}) {
    const auto text = rc::gen::container<std::string>(rc::gen::element('a', 'A', 'b', '%'));
    if (*rc::gen::arbitrary<bool>()) run.params[key] = *text;
    if (*rc::gen::arbitrary<bool>()) run.tags[key] = *text;
  }
  return run;
}

/// Missing last, NaN before missing, for both directions; ties by start, newest first, then id.
bool comes_before(const TestRun& left, const TestRun& right, bool by_metric, bool is_ascending) {
  const auto rank = [&](const TestRun& run) {
    if (by_metric) {
      const auto value = value_in(run.metrics, "a");
      return !value ? 2 : std::isnan(*value) ? 1 : 0;
    }
    return value_in(run.params, "p") ? 0 : 2;
  };
  if (rank(left) != rank(right)) return rank(left) < rank(right);
  if (rank(left) == 0) {
    if (by_metric) {
      const double a = left.metrics.at("a");
      const double b = right.metrics.at("a");
      if (a != b) return is_ascending ? a < b : a > b;
    } else if (const int order = left.params.at("p").compare(right.params.at("p")); order != 0) {
      return is_ascending ? order < 0 : order > 0;
    }
  }
  if (left.start_ms != right.start_ms) return left.start_ms > right.start_ms;
  return left.id < right.id;
}

class SearchPropertyTest : public SearchTest {};

TEST_F(SearchPropertyTest, FiltersOrdersAndPagesAreThoseOfANaiveEvaluation) {
  const bool holds = rc::check([&] {
    for (const std::string table : {"latest_metrics", "params", "tags", "runs"})
      write("DELETE FROM " + table);
    std::vector<TestRun> expected;
    const int count = *rc::gen::inRange(0, 30);
    for (int i = 0; i < count; ++i) add_run(expected.emplace_back(random_run(i)));

    std::string filter;
    const int clauses = *rc::gen::inRange(0, 4);
    for (int i = 0; i < clauses; ++i) {
      const TestClause clause = *rc::gen::arbitrary<bool>() ? number_clause() : text_clause();
      filter += (filter.empty() ? "" : " AND ") + clause.text;
      std::erase_if(expected, [&](const TestRun& run) { return !clause.holds(run); });
    }
    const bool by_metric = *rc::gen::arbitrary<bool>();
    const bool is_ascending = *rc::gen::arbitrary<bool>();
    std::sort(expected.begin(), expected.end(), [&](const TestRun& a, const TestRun& b) {
      return comes_before(a, b, by_metric, is_ascending);
    });

    SearchQuery query = query_for(
        filter,
        {fmt::format("{} {}", by_metric ? "metrics.a" : "params.p", is_ascending ? "ASC" : "DESC")},
        *rc::gen::inRange(1, 12));
    const std::vector<std::string> experiments = {"0"};
    std::vector<std::string> found;
    do {
      const auto page = search_runs(*database_, experiments, ViewType::kActiveOnly, query);
      if (!page) RC_FAIL(filter + ": " + page.error().message);
      for (const tracking::Run& run : page->items) found.push_back(run.id);
      query.page_token = page->next_page_token;
    } while (!query.page_token.empty());
    std::vector<std::string> ids;
    for (const TestRun& run : expected) ids.push_back(run.id);
    RC_LOG() << filter << std::endl;
    RC_ASSERT(found == ids);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace tenure::tracking
