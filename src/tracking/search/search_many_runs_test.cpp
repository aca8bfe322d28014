#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "tracking/search/searches.h"
#include "tracking/testing/tracking_world.h"

// Searches choose their way through the tables by how many runs there are; all ways give the same.
namespace tenure::tracking {
namespace {

class SearchOfManyRuns : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  static constexpr std::int64_t kRuns = 7200;  ///< a sixth of them in another experiment

  struct Expected {
    std::int64_t i;
    std::int64_t place() const { return is_missing() ? 2 : is_nan() ? 1 : 0; }
    bool is_missing() const { return i % 11 == 0; }
    bool is_nan() const { return i % 97 == 0; }
    std::int64_t quarters() const { return place() == 0 ? i * 31 % 400 : 0; }
    std::int64_t start() const { return i * 7919 % 6007; }
    std::int64_t param() const { return i % 3; }
    std::string id() const { return std::to_string(100'000 + i); }
    /// A value for few runs each; one that differs late, if at all; one that few have; a tag that
    /// may be NULL.
    std::optional<std::string> text(const std::string& key) const {
      if (key == "params.p") return std::to_string(param());
      if (key == "params.u") return "v" + std::to_string(i * 31 % 2000);
      if (key == "params.long")
        return std::string(i % 7 == 0 ? "a" : "") + std::string(70, 'x') + std::to_string(i % 900);
      if (key == "params.s" && i % 50 == 0) return "s" + std::to_string(i % 13);
      if (key == "tags.t" && i % 4 != 0) return "T" + std::to_string(i * 17 % 3000);
      return std::nullopt;
    }
  };

  void SetUp() override {
    insert("experiments (experiment_id, name, lifecycle_stage, creation_time)",
           "SELECT 1, 'other', 'active', 1");
    insert(
        "runs (run_uuid, name, status, start_time, lifecycle_stage, experiment_id)",
        "SELECT CAST(100000 + i AS TEXT), 'r', 'FINISHED', i * 7919 % 6007, 'active', CASE WHEN i "
        "% 6 = 0 THEN 1 ELSE 0 END FROM n");
    insert("params (run_uuid, key, value)",
           "SELECT CAST(100000 + i AS TEXT), 'p', CAST(i % 3 AS TEXT) FROM n");
    insert("params (run_uuid, key, value)",
           "SELECT CAST(100000 + i AS TEXT), 'u', 'v' || (i * 31 % 2000) FROM n");
    const std::string many(70, 'x');
    insert(
        "params (run_uuid, key, value)",
        "SELECT CAST(100000 + i AS TEXT), 'long', CASE WHEN i % 7 = 0 THEN 'a' ELSE '' END || '" +
            many + "' || (i % 900) FROM n");
    insert("params (run_uuid, key, value)",
           "SELECT CAST(100000 + i AS TEXT), 's', 's' || (i % 13) FROM n WHERE i % 50 = 0");
    insert(
        "tags (run_uuid, key, value)",
        "SELECT CAST(100000 + i AS TEXT), 't', CASE WHEN i % 4 = 0 THEN NULL ELSE 'T' || (i * 17 "
        "% 3000) END FROM n WHERE i % 8 <> 0");
    insert(
        "latest_metrics (run_uuid, key, value, timestamp, step, is_nan)",
        "SELECT CAST(100000 + i AS TEXT), 'm', CASE WHEN i % 97 = 0 THEN 0 ELSE (i * 31 % 400) / "
        "4.0 END, 1, 0, CASE WHEN i % 97 = 0 THEN TRUE ELSE FALSE END FROM n WHERE i % 11 <> 0");
    // PostgreSQL does this itself some time after many rows have come.
    if (database_->backend() == "postgresql") {
      ASSERT_TRUE(database_->execute("ANALYZE"));
    }
  }
  void insert(std::string_view columns, std::string_view select) {
    std::string statement = "INSERT INTO ";
    statement.append(columns).append(
        " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7200) ");
    statement.append(select);
    auto done = database_->execute(statement);
    ASSERT_TRUE(done) << done.error().message;
  }

  /// All pages of a search.
  std::vector<std::string> found(SearchQuery query) {
    const std::vector<std::string> experiments = {"0"};
    std::vector<std::string> ids;
    do {
      auto page = search_runs(*database_, experiments, ViewType::kActiveOnly, query);
      EXPECT_TRUE(page) << page.error().message;
      if (!page) break;
      EXPECT_LE(page->items.size(), static_cast<std::size_t>(query.max_results));
      for (const tracking::Run& run : page->items) ids.push_back(run.id);
      query.page_token = page->next_page_token;
    } while (!query.page_token.empty() && ids.size() <= kRuns);
    return ids;
  }

  using Matches = std::function<bool(const Expected&)>;
  using Before = std::function<bool(const Expected&, const Expected&)>;
  static std::vector<std::string> expected(const Matches& matches, const Before& is_before) {
    std::vector<Expected> runs;
    for (std::int64_t i = 1; i <= kRuns; ++i)
      if (i % 6 != 0 && matches({i})) runs.push_back({i});
    std::sort(runs.begin(), runs.end(), is_before);
    std::vector<std::string> ids;
    ids.reserve(runs.size());
    for (const Expected& run : runs) ids.push_back(run.id());
    return ids;
  }
  static bool any(const Expected&) { return true; }
  static bool newest(const Expected& a, const Expected& b) {
    return std::make_tuple(-a.start(), a.id()) < std::make_tuple(-b.start(), b.id());
  }
  static Before by_text(const std::string& key, bool is_ascending) {
    return [=](const Expected& a, const Expected& b) {
      const auto left = a.text(key);
      const auto right = b.text(key);
      if (left.has_value() != right.has_value()) return left.has_value();
      if (left != right) return is_ascending ? left < right : left > right;
      return newest(a, b);
    };
  }
  static bool greatest(const Expected& a, const Expected& b) {
    return std::make_tuple(a.place(), -a.quarters(), -a.start(), a.id()) <
           std::make_tuple(b.place(), -b.quarters(), -b.start(), b.id());
  }
};

TEST_F(SearchOfManyRuns, OrdersThemByAMetricWithNanAndMissingOnesLast) {
  EXPECT_EQ(found({"", {"metrics.m DESC"}, 1900, ""}), expected(any, greatest));
  EXPECT_EQ(found({"", {"metrics.m ASC", "params.p DESC"}, 2500, ""}),
            expected(any, [](const Expected& a, const Expected& b) {
              return std::make_tuple(a.place(), a.quarters(), -a.param(), -a.start(), a.id()) <
                     std::make_tuple(b.place(), b.quarters(), -b.param(), -b.start(), b.id());
            }));
}

TEST_F(SearchOfManyRuns, FiltersThemInTheOrderOfAMetric) {
  EXPECT_EQ(found({"params.p = '1'", {"metrics.m DESC"}, 700, ""}),
            expected([](const Expected& run) { return run.param() == 1; }, greatest));
  const auto above = [](std::int64_t quarters) {
    return [quarters](const Expected& run) {
      return run.place() == 0 && run.quarters() > quarters && run.param() != 2;
    };
  };
  EXPECT_EQ(found({"metrics.m > 40 and params.p != '2'", {"metrics.m DESC"}, 500, ""}),
            expected(above(160), greatest));
  EXPECT_EQ(found({"metrics.m > 98.5 and params.p != '2'", {"metrics.m DESC"}, 10, ""}),
            expected(above(394), greatest));
  EXPECT_EQ(found({"metrics.m > 1000", {"metrics.m DESC"}, 10, ""}), std::vector<std::string>());
}

TEST_F(SearchOfManyRuns, FindsTheFewThatAMetricChooses) {
  EXPECT_EQ(found({"metrics.m <= 1.25", {}, 100, ""}),
            expected([](const Expected& run) { return run.place() == 0 && run.quarters() <= 5; },
                     newest));
  EXPECT_EQ(found({"metrics.m = 99.75 and run_id != '100001'", {}, 5, ""}),
            expected(
                [](const Expected& run) {
                  return run.place() == 0 && run.quarters() == 399 && run.i != 1;
                },
                newest));
}

TEST_F(SearchOfManyRuns, OrdersThemByATextThatFewOrManyShare) {
  for (const std::string key : {"params.u", "params.p", "params.s", "params.long", "tags.t"}) {
    EXPECT_EQ(found({"", {key + " ASC"}, 1900, ""}), expected(any, by_text(key, true))) << key;
    EXPECT_EQ(found({"", {key + " DESC"}, 700, ""}), expected(any, by_text(key, false))) << key;
  }
  EXPECT_EQ(found({"", {"params.p DESC", "metrics.m ASC"}, 2500, ""}),
            expected(any, [](const Expected& a, const Expected& b) {
              return std::make_tuple(-a.param(), a.place(), a.quarters(), -a.start(), a.id()) <
                     std::make_tuple(-b.param(), b.place(), b.quarters(), -b.start(), b.id());
            }));
}

TEST_F(SearchOfManyRuns, FiltersThemInTheOrderOfAText) {
  const auto second = [](const Expected& run) { return run.param() == 1; };
  EXPECT_EQ(found({"params.p = '1'", {"params.u DESC"}, 300, ""}),
            expected(second, by_text("params.u", false)));
  EXPECT_EQ(found({"params.p = '1'", {"params.p DESC"}, 300, ""}), expected(second, newest));
  EXPECT_EQ(found({"params.u != 'v31'", {"params.u ASC"}, 2000, ""}),
            expected([](const Expected& run) { return run.text("params.u") != "v31"; },
                     by_text("params.u", true)));
  EXPECT_EQ(
      found({"tags.t IS NULL", {"params.p ASC"}, 800, ""}),
      expected([](const Expected& run) { return run.i % 8 == 0; }, by_text("params.p", true)));
}

TEST_F(SearchOfManyRuns, FindsTheFewThatATextChooses) {
  const auto with = [](const std::string& key, const std::string& start) {
    return [=](const Expected& run) { return run.text(key).value_or("").starts_with(start); };
  };
  EXPECT_EQ(found({"params.u = 'v31'", {}, 2, ""}),
            expected([](const Expected& run) { return run.text("params.u") == "v31"; }, newest));
  EXPECT_EQ(found({"params.u = 'v3'", {"tags.t ASC"}, 100, ""}),
            expected([](const Expected& run) { return run.text("params.u") == "v3"; },
                     by_text("tags.t", true)));
  EXPECT_EQ(found({"params.u LIKE 'v19%'", {}, 100, ""}),
            expected(with("params.u", "v19"), newest));
  EXPECT_EQ(found({"tags.t ILIKE 't29%'", {}, 100, ""}), expected(with("tags.t", "T29"), newest));
  EXPECT_EQ(found({"params.s != 's5'", {}, 100, ""}), expected(
                                                          [](const Expected& run) {
                                                            const auto text = run.text("params.s");
                                                            return text && *text != "s5";
                                                          },
                                                          newest));
  const std::string long_text = std::string(70, 'x') + "77";
  const auto has_long = [&](const Expected& run) { return run.text("params.long") == long_text; };
  EXPECT_EQ(found({"params.long = '" + long_text + "'", {}, 3, ""}), expected(has_long, newest));
  EXPECT_EQ(found({"params.long LIKE '%xx77'", {}, 3, ""}),
            expected([](const Expected& run) { return run.text("params.long")->ends_with("xx77"); },
                     newest));
}

}  // namespace
}  // namespace tenure::tracking
