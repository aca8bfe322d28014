#include "data/telco_timeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/id.h"
#include "data/engine.h"
#include "data/telco_events.h"

namespace tenure::data {
namespace {

const std::vector<double>& numbers(const Table& table, std::string_view name) {
  return std::get<std::vector<double>>(table.find(name)->values);
}
const std::vector<std::int64_t>& integers(const Table& table, std::string_view name) {
  return std::get<std::vector<std::int64_t>>(table.find(name)->values);
}

TimelineOptions options_for(TelcoScenario scenario) {
  return {.slots = 6'000,
          .months = 30,
          .burn_in_months = 0,
          .scenario = scenario,
          .has_events = false,
          .has_true_hazard = true};
}

/// Row numbers of each month end.
std::vector<std::vector<std::size_t>> by_month(const Table& snapshots) {
  std::vector<std::vector<std::size_t>> months;
  std::map<std::int64_t, std::size_t> index;
  const auto& times = integers(snapshots, "event_timestamp");
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto [place, is_new] = index.try_emplace(times[i], months.size());
    if (is_new) months.emplace_back();
    months[place->second].push_back(i);
  }
  return months;
}

std::vector<std::size_t> rows_between(const Table& snapshots, std::size_t first, std::size_t last) {
  const auto months = by_month(snapshots);
  std::vector<std::size_t> rows;
  for (std::size_t m = first; m <= last; ++m) {
    rows.insert(rows.end(), months[m].begin(), months[m].end());
  }
  return rows;
}

double auc(const std::vector<double>& scores, const std::vector<std::int64_t>& labels,
           const std::vector<std::size_t>& rows) {
  std::vector<std::pair<double, std::int64_t>> order;
  for (const std::size_t i : rows) order.emplace_back(scores[i], labels[i]);
  std::sort(order.begin(), order.end());
  double below = 0, wins = 0, positives = 0;
  for (const auto& [score, label] : order) {
    if (label == 1) {
      wins += below;
      ++positives;
    } else {
      ++below;
    }
  }
  return wins / (positives * below);
}

double mean(const std::vector<std::int64_t>& values, const std::vector<std::size_t>& rows) {
  double sum = 0;
  for (const std::size_t i : rows) sum += static_cast<double>(values[i]);
  return sum / static_cast<double>(rows.size());
}

/// Population stability index of two lists of shares.
double psi(const std::vector<double>& expected, const std::vector<double>& actual) {
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double e = std::max(expected[i], 1e-4);
    const double a = std::max(actual[i], 1e-4);
    sum += (a - e) * std::log(a / e);
  }
  return sum;
}

/// Of a number column: bins are the deciles of the reference rows.
double psi_of(const std::vector<double>& values, const std::vector<std::size_t>& reference,
              const std::vector<std::size_t>& rows) {
  std::vector<double> sorted;
  for (const std::size_t i : reference) sorted.push_back(values[i]);
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> cuts;
  for (std::size_t d = 1; d < 10; ++d) cuts.push_back(sorted[sorted.size() * d / 10]);
  const auto shares = [&](const std::vector<std::size_t>& of) {
    std::vector<double> counts(10, 0);
    for (const std::size_t i : of) {
      const auto bin = std::upper_bound(cuts.begin(), cuts.end(), values[i]) - cuts.begin();
      counts[static_cast<std::size_t>(bin)] += 1.0 / static_cast<double>(of.size());
    }
    return counts;
  };
  return psi(shares(reference), shares(rows));
}

std::map<std::string, double> category_shares(const Table& table, std::string_view name,
                                              const std::vector<std::size_t>& rows) {
  std::map<std::string, double> shares;
  for (const std::size_t i : rows) {
    shares[std::string(table.find(name)->text(i))] += 1.0 / static_cast<double>(rows.size());
  }
  return shares;
}

TEST(TelcoTimeline, MeasuresStabilityAsTheTextbookDoes) {
  EXPECT_NEAR(psi({.1, .2, .3, .4}, {.15, .25, .25, .35}), .04722308044204256, 1e-15);
}

TEST(TelcoTimeline, IsTheSameForTheSameSeed) {
  TimelineOptions options{.slots = 200, .months = 4, .seed = 9, .burn_in_months = 2};
  const auto first = generate_telco_timeline(options);
  const auto second = generate_telco_timeline(options);
  options.seed = 10;
  const auto third = generate_telco_timeline(options);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(numbers(first->snapshots, "usage_gb"), numbers(second->snapshots, "usage_gb"));
  EXPECT_EQ(integers(first->labels, "label_known_at"), integers(second->labels, "label_known_at"));
  EXPECT_EQ(integers(first->events, "ingested_at"), integers(second->events, "ingested_at"));
  EXPECT_NE(numbers(first->snapshots, "usage_gb"), numbers(third->snapshots, "usage_gb"));
}

TEST(TelcoTimeline, ChurnsLikeAnAgeingBaseWithoutBurnIn) {
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kNone));
  const auto& hazard = numbers(t.snapshots, "true_hazard");
  const auto rate = [&](std::size_t first, std::size_t last) {
    const auto rows = rows_between(t.snapshots, first, last);
    double sum = 0;
    for (const std::size_t i : rows) sum += hazard[i];
    return sum / static_cast<double>(rows.size());
  };
  EXPECT_NEAR(rate(0, 5), .029, .005);
  EXPECT_NEAR(rate(25, 29), .015, .004);
}

TEST(TelcoTimeline, IsStableAfterBurnInAndGrowsOnDemand) {
  TimelineOptions options = options_for(TelcoScenario::kNone);
  options.slots = 3'000;
  options.months = 12;
  options.burn_in_months = 24;
  const auto stable = by_month(generate_telco_timeline(options)->snapshots);
  EXPECT_EQ(stable.front().size(), 3'000U);
  EXPECT_EQ(stable.back().size(), 3'000U);
  options.monthly_growth = 0.02;
  options.burn_in_months = 0;
  const auto grown = by_month(generate_telco_timeline(options)->snapshots);
  EXPECT_NEAR(static_cast<double>(grown.back().size()), 3'000 * std::pow(1.02, 11), 15);
}

TEST(TelcoTimeline, LabelsFollowFromWhoIsThereLater) {
  const TelcoTimeline t = *generate_telco_timeline(
      {.slots = 800, .months = 14, .horizon_months = 3, .seed = 3, .burn_in_months = 3});
  const auto months = by_month(t.snapshots);
  std::map<std::string, std::size_t> last_seen;
  for (std::size_t m = 0; m < months.size(); ++m) {
    for (const std::size_t i : months[m]) {
      last_seen[std::string(t.snapshots.find("customer_id")->text(i))] = m;
    }
  }
  const auto& churned = integers(t.labels, "churned");
  const auto& times = integers(t.labels, "event_timestamp");
  const auto& left = integers(t.labels, "churned_at");
  const auto& known = integers(t.labels, "label_known_at");
  std::size_t positives = 0;
  for (std::size_t m = 0; m + 3 < months.size(); ++m) {
    for (const std::size_t i : months[m]) {
      const std::string id(t.labels.find("customer_id")->text(i));
      ASSERT_EQ(id, t.snapshots.find("customer_id")->text(i));
      ASSERT_EQ(churned[i] == 1, last_seen[id] < m + 3) << id << " month " << m;
      ASSERT_EQ(t.labels.find("churned_at")->is_null(i), churned[i] == 0);
      if (churned[i] == 1) {
        ++positives;
        ASSERT_GT(left[i], times[i]);
        ASSERT_GE(known[i], left[i]);
      } else {
        ASSERT_GE(known[i], times[i] + 89 * kMicrosPerDay + 33 * kMicrosPerDay);
      }
    }
  }
  EXPECT_GT(positives, 50U);
}

TEST(TelcoTimeline, LearnsOfChurnWithTheStatedDelay) {
  EXPECT_NEAR(telco_label_delay_share(7), .408, .001);
  EXPECT_NEAR(telco_label_delay_share(30), .983, .001);
  EXPECT_NEAR(telco_label_delay_share(kTelcoLabelMatureDays), .99, .001);
  const TelcoTimeline t =
      *generate_telco_timeline({.slots = 6'000, .months = 24, .seed = 5, .burn_in_months = 0});
  std::vector<double> delays, grace_delays;
  std::set<std::string> cancelled;
  const auto& occurred = integers(t.events, "occurred_at");
  const auto& known = integers(t.events, "known_at");
  for (std::size_t i = 0; i < occurred.size(); ++i) {
    const std::string id(t.events.find("customer_id")->text(i));
    if (t.events.find("event_type")->text(i) == "cancel_request") cancelled.insert(id);
    if (t.events.find("event_type")->text(i) != "churn") continue;
    const double days = static_cast<double>(known[i] - occurred[i]) / kMicrosPerDay;
    (cancelled.count(id) != 0 ? delays : grace_delays).push_back(days);
  }
  ASSERT_GT(delays.size(), 1'500U);
  ASSERT_GT(grace_delays.size(), 50U);
  std::sort(delays.begin(), delays.end());
  const auto share_under = [&](double days) {
    return static_cast<double>(std::lower_bound(delays.begin(), delays.end(), days) -
                               delays.begin()) /
           static_cast<double>(delays.size());
  };
  const auto n = static_cast<double>(delays.size());
  EXPECT_NEAR(share_under(7), .408, .04);
  EXPECT_NEAR(share_under(30), .983, .01);
  EXPECT_NEAR(delays[static_cast<std::size_t>(.5 * n)], 8.4, .8);
  EXPECT_NEAR(delays[static_cast<std::size_t>(.95 * n)], 23.7, 2.5);
  EXPECT_GE(*std::min_element(grace_delays.begin(), grace_delays.end()), 30.0);
}

TEST(TelcoTimeline, EventsAreKnownAfterTheyHappenAndIngestedAfterThat) {
  const TelcoTimeline t = *generate_telco_timeline({.slots = 300,
                                                    .months = 20,
                                                    .seed = 2,
                                                    .burn_in_months = 1,
                                                    .plan_change_rate = .05,
                                                    .scenario = TelcoScenario::kPriceRise,
                                                    .has_daily_usage = true});
  const auto& occurred = integers(t.events, "occurred_at");
  const auto& known = integers(t.events, "known_at");
  const auto& ingested = integers(t.events, "ingested_at");
  std::set<std::string> types;
  for (std::size_t i = 0; i < occurred.size(); ++i) {
    ASSERT_LE(occurred[i], known[i]);
    ASSERT_LE(known[i], ingested[i]);
    if (i > 0) {
      ASSERT_LE(occurred[i - 1], occurred[i]);
    }
    types.emplace(t.events.find("event_type")->text(i));
  }
  EXPECT_EQ(types, (std::set<std::string>{"signup", "plan_change", "invoice", "payment", "late",
                                          "ticket_open", "ticket_close", "usage_day",
                                          "price_notice", "offer", "cancel_request", "churn"}));
}

// A snapshot may hold only what was known at its time: rebuild its signals from the events.
TEST(TelcoTimeline, SnapshotsHoldWhatTheKnownEventsSay) {
  const TelcoTimeline t = *generate_telco_timeline(
      {.slots = 150, .months = 6, .seed = 8, .burn_in_months = 2, .has_daily_usage = true});
  struct Seen {
    std::int64_t tickets = 0;
    double usage = 0;
    std::int64_t late = 0;
  };
  std::map<std::pair<std::string, std::int64_t>, Seen> seen;
  const std::vector<std::int64_t> ends = [&] {
    std::set<std::int64_t> unique(integers(t.snapshots, "event_timestamp").begin(),
                                  integers(t.snapshots, "event_timestamp").end());
    return std::vector<std::int64_t>(unique.begin(), unique.end());
  }();
  const auto& occurred = integers(t.events, "occurred_at");
  const auto& known = integers(t.events, "known_at");
  for (std::size_t i = 0; i < occurred.size(); ++i) {
    const auto end = std::lower_bound(ends.begin(), ends.end(), known[i]);
    if (end == ends.end()) continue;
    Seen& cell = seen[{std::string(t.events.find("customer_id")->text(i)), *end}];
    const std::string_view type = t.events.find("event_type")->text(i);
    if (type == "ticket_open") ++cell.tickets;
    if (type == "usage_day") cell.usage += numbers(t.events, "amount")[i];
    if (type == "late") ++cell.late;
  }
  for (std::size_t i = 0; i < t.snapshots.row_count(); ++i) {
    const Seen& cell = seen[{std::string(t.snapshots.find("customer_id")->text(i)),
                             integers(t.snapshots, "event_timestamp")[i]}];
    ASSERT_EQ(cell.tickets, integers(t.snapshots, "tickets")[i]) << i;
    ASSERT_NEAR(cell.usage, numbers(t.snapshots, "usage_gb")[i], 1e-9) << i;
    ASSERT_EQ(cell.late, integers(t.snapshots, "late_payment")[i]) << i;
  }
}

TEST(TelcoTimeline, HazardRanksCustomersAsThePrototypeDid) {
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kNone));
  const double current = auc(numbers(t.snapshots, "true_hazard"), integers(t.labels, "churned"),
                             rows_between(t.snapshots, 6, 20));
  EXPECT_GT(current, .82);
  EXPECT_LT(current, .88);
}

TEST(TelcoTimeline, PriceRiseBreaksCalibrationButNotRanking) {
  const TelcoTimeline calm = *generate_telco_timeline(options_for(TelcoScenario::kNone));
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kPriceRise));
  // A model from before the rise: the hazard without the price term.
  std::vector<double> score = numbers(t.snapshots, "true_hazard");
  const auto months = by_month(t.snapshots);
  for (std::size_t m = 18; m < months.size(); ++m) {
    for (const std::size_t i : months[m]) {
      if (t.snapshots.find("InternetService")->text(i) != "Fiber optic") continue;
      if (t.snapshots.find("Contract")->text(i) != "Month-to-month") continue;
      score[i] = 1 / (1 + std::exp(-(std::log(score[i] / (1 - score[i])) - 0.9)));
    }
  }
  const auto before = rows_between(t.snapshots, 8, 14);
  const auto after = rows_between(t.snapshots, 18, 24);
  const auto& labels = integers(t.labels, "churned");
  const auto observed_to_expected = [&](const std::vector<std::size_t>& rows) {
    double expected = 0;
    for (const std::size_t i : rows) expected += score[i];
    return mean(labels, rows) * static_cast<double>(rows.size()) / expected;
  };
  EXPECT_GT(observed_to_expected(after) / observed_to_expected(before), 1.25);
  EXPECT_GT(mean(labels, after), mean(integers(calm.labels, "churned"), after) * 1.25);
  EXPECT_GT(auc(score, labels, after), auc(score, labels, before) - .01);
  EXPECT_GT(psi_of(numbers(t.snapshots, "MonthlyCharges"), before, after), .06);
  EXPECT_LT(psi_of(numbers(calm.snapshots, "MonthlyCharges"), before, after), .02);
}

TEST(TelcoTimeline, OutageHidesSignalsAndLeavesLabelsAlone) {
  const TelcoTimeline calm = *generate_telco_timeline(options_for(TelcoScenario::kNone));
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kDataOutage));
  EXPECT_EQ(integers(t.labels, "churned"), integers(calm.labels, "churned"));
  const auto months = by_month(t.snapshots);
  for (std::size_t m = 0; m < months.size(); ++m) {
    std::size_t nulls = 0;
    std::int64_t tickets = 0;
    for (const std::size_t i : months[m]) {
      nulls += t.snapshots.find("usage_gb")->is_null(i) ? 1 : 0;
      tickets += integers(t.snapshots, "tickets")[i];
    }
    const bool is_out = m == 20 || m == 21;
    EXPECT_EQ(nulls, is_out ? months[m].size() : 0) << m;
    EXPECT_EQ(tickets == 0, is_out) << m;
  }
}

TEST(TelcoTimeline, NewPlanReachesItsShareOfSignups) {
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kNewPlan));
  const auto months = by_month(t.snapshots);
  double flex = 0, signups = 0;
  for (std::size_t m = 0; m < months.size(); ++m) {
    for (const std::size_t i : months[m]) {
      const bool is_flex = t.snapshots.find("Contract")->text(i) == "Flex 6 month";
      if (m < 15) {
        ASSERT_FALSE(is_flex);
      }
      if (m < 15 || integers(t.snapshots, "tenure")[i] != 1) continue;
      ++signups;
      if (is_flex) ++flex;
    }
  }
  EXPECT_GT(signups, 500);
  EXPECT_NEAR(flex / signups, .4, .06);
}

TEST(TelcoTimeline, RenameSwapsOneCategoryForAnother) {
  const TelcoTimeline t = *generate_telco_timeline(options_for(TelcoScenario::kTrackingRename));
  auto before = category_shares(t.snapshots, "PaymentMethod", rows_between(t.snapshots, 10, 17));
  auto after = category_shares(t.snapshots, "PaymentMethod", rows_between(t.snapshots, 18, 22));
  EXPECT_EQ(before.count("E-check"), 0U);
  EXPECT_EQ(after.count("Electronic check"), 0U);
  std::vector<double> e, a;
  for (const char* word : {"Bank transfer (automatic)", "Credit card (automatic)",
                           "Electronic check", "Mailed check", "E-check"}) {
    e.push_back(before[word]);
    a.push_back(after[word]);
  }
  EXPECT_GT(psi(e, a), .5);
}

TEST(TelcoTimeline, KnowsItsScenariosByName) {
  for (const auto scenario :
       {TelcoScenario::kNone, TelcoScenario::kPriceRise, TelcoScenario::kDataOutage,
        TelcoScenario::kNewPlan, TelcoScenario::kTrackingRename}) {
    const auto parsed = parse_telco_scenario(telco_scenario_name(scenario));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, scenario);
  }
  const auto unknown = parse_telco_scenario("flood");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("price_rise"), std::string::npos);
}

TEST(TelcoTimeline, WritesParquetFilesThatJoin) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("telco_timeline_" + core::random_hex_id());
  const TelcoTimeline t = *generate_telco_timeline({.slots = 50, .months = 3, .burn_in_months = 1});
  auto engine = std::move(*Engine::open());
  const auto written = write_telco_timeline(*engine, t, folder);
  ASSERT_TRUE(written) << written.error().message;
  const auto file = [&](const char* name) { return quote_text((folder / name).string()); };
  EXPECT_EQ(
      *engine->query_integer("SELECT count(*) FROM " + file("snapshots.parquet") + " s JOIN " +
                             file("labels.parquet") + " l USING (customer_id, event_timestamp)"),
      150);
  EXPECT_EQ(*engine->query_integer("SELECT count(*) FROM " + file("events.parquet") +
                                   " WHERE known_at <= ingested_at"),
            static_cast<std::int64_t>(t.events.row_count()));
  std::filesystem::remove_all(folder);
}

TEST(TelcoTimeline, LeavesNoPartOfAnEarlierTimeLineAndNoUnfinishedFile) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("telco_timeline_" + core::random_hex_id());
  TelcoTimeline t = *generate_telco_timeline({.slots = 50, .months = 3, .burn_in_months = 1});
  auto engine = std::move(*Engine::open());
  ASSERT_TRUE(write_telco_timeline(*engine, t, folder));
  t.events = Table{};
  const auto written = write_telco_timeline(*engine, t, folder);
  ASSERT_TRUE(written) << written.error().message;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"snapshots.parquet", "labels.parquet"}));
  // A file that cannot be replaced: nothing is left beside it.
  std::filesystem::remove(folder / "snapshots.parquet");
  std::filesystem::create_directories(folder / "snapshots.parquet" / "in the way");
  EXPECT_FALSE(write_telco_timeline(*engine, t, folder));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder),
                          std::filesystem::directory_iterator()),
            2);
  std::filesystem::remove_all(folder);
}

TEST(TelcoTimeline, RefusesImpossibleOptions) {
  const auto message = [](const TimelineOptions& options) {
    const auto made = generate_telco_timeline(options);
    return made ? std::string() : made.error().message;
  };
  EXPECT_NE(message({.slots = 0}).find("slots"), std::string::npos);
  EXPECT_NE(message({.months = 0}).find("months"), std::string::npos);
  EXPECT_NE(message({.horizon_months = 0}).find("horizon_months"), std::string::npos);
  EXPECT_NE(message({.burn_in_months = -1}).find("burn_in_months"), std::string::npos);
  EXPECT_NE(message({.monthly_growth = std::nan("")}).find("monthly_growth"), std::string::npos);
  EXPECT_NE(message({.plan_change_rate = 2}).find("plan_change_rate"), std::string::npos);
  EXPECT_NE(message({.start = 1}).find("start"), std::string::npos);
}

}  // namespace
}  // namespace tenure::data
