#include "serving/traffic.h"

#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serving/testing/served_world.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"

namespace tenure::serving {
namespace {

using data::Cell;
using ::testing::HasSubstr;
using testing::must;
using testing::ServedWorld;

/// Keeps what was said of each event.
class Remembering final : public PredictionSink {
 public:
  struct Event {
    std::string id, variant;
    std::int64_t version = 0;
    bool is_shadow = false;
    float probability = 0;
  };
  void append(const PredictionEvent& event) noexcept override {
    const std::lock_guard guard(mutex);
    events.push_back({std::string(event.prediction_id), std::string(event.variant), event.version,
                      event.is_shadow, event.probability});
  }
  std::mutex mutex;
  std::vector<Event> events;
};

/// What came of customers, as a test says.
class Told final : public OutcomeSource {
 public:
  std::optional<OutcomeSums> outcomes(std::string_view model, std::int64_t version) const override {
    const auto found = of.find(version);
    if (model != "churn" || found == of.end()) return std::nullopt;
    return found->second;
  }
  /// So many more customers of whom `said` was said, and of whom a share left.
  void tell(std::int64_t version, int customers, double said, double share) {
    OutcomeSums& sums = of[version];
    for (int i = 0; i < customers; ++i)
      sums.add(said, i < static_cast<int>(share * customers + 0.5));
  }
  std::map<std::int64_t, OutcomeSums> of;
};

/// Versions: 1 the model, 2 its logistic regression, 3 damaged, 4 cannot read the store, 5 has
/// further inputs and cannot read the store, 6 as 1, 7 as 5 with the store.
class TrafficTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tracking::prepare_schema(*database_, world_.clock.now()).has_value());
    ASSERT_TRUE(registry_.create_model_if_missing("churn", change_).has_value());
    for (int i = 0; i < 7; ++i)
      must(registry_.create_version("churn", "file:///nowhere", "run", {}, change_));
    champion_ = world_.snapshot(1);
  }
  core::Result<std::shared_ptr<const ModelSnapshot>> load(const tracking::ModelVersion& version) {
    if (version.version == 3)
      return core::Error{core::ErrorCode::kCorruption, "tree 3: node 5: child 99"};
    if (version.version == 5 || version.version == 7)
      return ModelSnapshot::make(world_.wide_parts(version.version, version.version == 7));
    auto parts = world_.parts(version.version, version.version != 4);
    if (version.version == 2) parts.model = world_.secondary();
    return ModelSnapshot::make(std::move(parts));
  }
  void point(std::string_view alias, std::int64_t version) {
    ASSERT_TRUE(registry_.set_alias("churn", alias, version, change_).has_value());
  }
  /// Makes the traffic and its champion, version 1.
  Traffic& start(std::vector<ArmOptions> arms, GuardOptions guard = {.answers_min = 100}) {
    traffic_.reset();
    traffic_ = std::make_unique<Traffic>(
        Traffic::Options{.champion = {.model = "churn"},
                         .shares = {.salt = "s", .arms = std::move(arms), .guard = guard}},
        Traffic::Collaborators{
            .clock = world_.clock,
            .metrics = world_.metrics,
            .registry = registry_,
            .sink = &sink_,
            .loader = [this](const tracking::ModelVersion& version) { return load(version); },
            .outcomes = &outcomes_});
    predictor_ = std::make_unique<Predictor>(traffic_->champion_collaborators());
    predictor_->swap(champion_);
    traffic_->attach(*predictor_);
    traffic_->check_arms();
    return *traffic_;
  }
  /// The variants of the customers, each asked alone.
  std::string variant_of(Traffic& traffic, std::string_view customer) {
    const PredictRow rows[] = {{.entity_id = customer, .given = cells_}};
    Prediction out[1];
    traffic.predict(*champion_, rows, scratch_, out);
    EXPECT_EQ(out[0].snapshot->version, out[0].variant == "champion" ? 1 : 2);
    return std::string(out[0].variant);
  }
  void ask(Traffic& traffic, int customers, bool is_known = true) {
    std::vector<std::string> ids;
    for (int i = 0; i < customers; ++i) ids.push_back(fmt::format("C{:05}", i));
    std::vector<PredictRow> rows;
    for (const std::string& id : ids)
      rows.push_back({.entity_id = id,
                      .given = is_known ? std::span<const Cell>(cells_) : std::span<const Cell>()});
    std::vector<Prediction> out(rows.size());
    traffic.predict(*champion_, rows, scratch_, out);
  }
  Traffic::ArmStatus arm(const Traffic& traffic, std::size_t i = 0) {
    return traffic.status().arms.at(i);
  }

  ServedWorld world_;
  Remembering sink_;
  Told outcomes_;
  std::unique_ptr<storage::Database> database_ =
      must(storage::open_database("sqlite:///registry.db", world_.folder.path().string()));
  tracking::Registry registry_{*database_, world_.clock};
  const tracking::Change change_{"test", "because", nullptr};
  const std::vector<Cell> cells_{Cell::of("b"), Cell::of(4.0)};
  std::shared_ptr<const ModelSnapshot> champion_;
  std::unique_ptr<Traffic> traffic_;
  std::unique_ptr<Predictor> predictor_;
  Traffic::Scratch scratch_;
};

TEST_F(TrafficTest, GivesEachCustomerToOneVersionWhateverTheRequestLooksLike) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 2'500}});
  std::vector<std::string> ids;
  for (int i = 0; i < 400; ++i) ids.push_back(fmt::format("C{:05}", i));
  std::vector<PredictRow> rows;
  for (const std::string& id : ids) rows.push_back({.entity_id = id, .given = cells_});
  std::vector<Prediction> forwards(rows.size()), backwards(rows.size());
  traffic.predict(*champion_, rows, scratch_, forwards);
  std::ranges::reverse(rows);
  traffic.predict(*champion_, rows, scratch_, backwards);
  std::map<std::string_view, int> counts;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ++counts[forwards[i].variant];
    EXPECT_EQ(forwards[i].entity_id, ids[i]);
    EXPECT_EQ(backwards[ids.size() - 1 - i].variant, forwards[i].variant);
    EXPECT_EQ(variant_of(traffic, ids[i]), forwards[i].variant);
  }
  EXPECT_NEAR(counts["canary"], 100, 35);
  EXPECT_EQ(counts["canary"] + counts["champion"], 400);
  // Each answer is its version's, to the bit.
  Prediction alone[1];
  Predictor::Scratch scratch;
  const PredictRow row[] = {{.entity_id = {}, .given = cells_}};
  predictor_->predict(*champion_, row, scratch, alone);
  for (const Prediction& prediction : forwards)
    EXPECT_EQ(prediction.probability == alone[0].probability, prediction.variant == "champion");
}

TEST_F(TrafficTest, KeepsItsCustomersWhenItsShareGrowsAndAfterARestart) {
  point("canary", 2);
  std::set<std::string> small, again, large;
  const auto members = [&](std::uint32_t slots) {
    Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = slots}});
    std::set<std::string> found;
    for (int i = 0; i < 1'000; ++i) {
      const std::string id = fmt::format("C{:05}", i);
      if (variant_of(traffic, id) == "canary") found.insert(id);
    }
    return found;
  };
  small = members(500);
  again = members(500);
  large = members(2'500);
  EXPECT_EQ(small, again);
  EXPECT_NEAR(static_cast<double>(small.size()), 50, 25);
  EXPECT_NEAR(static_cast<double>(large.size()), 250, 50);
  EXPECT_TRUE(std::ranges::includes(large, small));
}

TEST_F(TrafficTest, DealsRowsWithoutACustomerByTheirPredictionId) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000}});
  const std::vector<PredictRow> rows(200, {.entity_id = {}, .given = cells_});
  std::vector<Prediction> out(rows.size());
  traffic.predict(*champion_, rows, scratch_, out);
  std::set<std::string_view> ids;
  int canaries = 0;
  for (const Prediction& one : out) {
    const std::string_view id(one.id, sizeof one.id);
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_EQ(one.variant == "canary", traffic_slot("s", id) < 5'000);
    canaries += one.variant == "canary";
  }
  EXPECT_NEAR(canaries, 100, 40);
}

TEST_F(TrafficTest, LeavesTheCustomersOfAnArmThatIsNotLiveToTheChampion) {
  point("broken", 3);
  point("other", 5);
  Traffic& traffic = start({{.name = "broken", .alias = "broken", .slots = 3'000},
                            {.name = "other", .alias = "other", .slots = 3'000},
                            {.name = "nobody", .alias = "nobody", .slots = 1'000},
                            {.name = "fixed", .version = 2, .slots = 3'000}});
  std::map<std::string, int> counts;
  for (int i = 0; i < 500; ++i) ++counts[variant_of(traffic, fmt::format("C{:05}", i))];
  EXPECT_EQ(counts.size(), 2U);
  EXPECT_NEAR(counts["fixed"], 150, 45);
  EXPECT_EQ(arm(traffic, 0).state, "not live");
  EXPECT_EQ(arm(traffic, 0).why, "tree 3: node 5: child 99");
  EXPECT_EQ(arm(traffic, 1).state, "other inputs");
  EXPECT_THAT(arm(traffic, 1).why, HasSubstr("'calls'"));
  EXPECT_EQ(arm(traffic, 2).why, "no version has the alias 'nobody'");
  EXPECT_EQ(arm(traffic, 3).state, "live");
  EXPECT_EQ(traffic.status().champion_slots, 7'000U);
  // An alias that is taken away ends the arm.
  ASSERT_TRUE(registry_.delete_alias("churn", "other", change_).has_value());
  traffic.check_arms();
  EXPECT_EQ(arm(traffic, 1).state, "not live");
}

TEST_F(TrafficTest, GivesAnArmItsOwnInputsFromTheRequestByNameAndFromTheStore) {
  point("canary", 7);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 10'000}});
  EXPECT_EQ(arm(traffic).state, "live");
  const auto wide = must(ModelSnapshot::make(world_.wide_parts(7)));
  Predictor alone({.clock = world_.clock, .metrics = world_.metrics});
  Predictor::Scratch scratch;
  const auto expect = [&](const PredictRow& asked, std::vector<Cell> given) {
    const PredictRow rows[] = {{.entity_id = asked.entity_id, .given = given}};
    Prediction said[1], expected[1];
    const PredictRow asked_rows[] = {asked};
    traffic.predict(*champion_, asked_rows, scratch_, said);
    alone.predict(*wide, rows, scratch, expected);
    EXPECT_EQ(said[0].snapshot->version, 7);
    EXPECT_EQ(said[0].level, Level::kPrimary);
    EXPECT_EQ(said[0].margin, expected[0].margin);
    return said[0].margin;
  };
  const float quiet = expect({.entity_id = "C-1", .given = {}}, {});
  EXPECT_GT(expect({.entity_id = "C-3", .given = {}}, {}), quiet);  // more calls
  // The champion's order is plan, age; the arm's calls, age, plan.
  const Cell given[] = {Cell::of("b"), Cell::of(6.0)};
  expect({.entity_id = "C-1", .given = given}, {Cell{}, Cell::of(6.0), Cell::of("b")});
  const Cell partly[] = {Cell{}, Cell::of(6.0)};
  expect({.entity_id = "C-1", .given = partly}, {Cell{}, Cell::of(6.0), Cell{}});
  const Cell missing[] = {Cell::null(), Cell::of(6.0)};
  expect({.entity_id = "C-1", .given = missing}, {Cell{}, Cell::of(6.0), Cell::null()});
}

TEST_F(TrafficTest, LeavesRowsThatAnArmCannotCompleteToTheChampion) {
  point("canary", 7);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 10'000}});
  const PredictRow rows[] = {{.entity_id = "C-1", .given = {}},
                             {.entity_id = {}, .given = cells_},
                             {.entity_id = "C-2", .given = cells_}};
  Prediction out[3];
  traffic.predict(*champion_, rows, scratch_, out);
  EXPECT_EQ(out[0].snapshot->version, 7);
  EXPECT_EQ(out[1].snapshot->version, 1);
  EXPECT_EQ(out[2].snapshot->version, 7);
}

TEST_F(TrafficTest, ComparesAnArmOfFurtherInputsWithTheChampionOnTheSameCustomers) {
  point("canary", 7);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 10'000}});
  ask(traffic, 20);
  traffic.check_guard();
  ASSERT_TRUE(arm(traffic).comparison.has_value());
  EXPECT_EQ(arm(traffic).comparison->pairs, 20U);
}

TEST_F(TrafficTest, LooksUpTheFurtherInputsOfAShadow) {
  point("shadow", 7);
  Traffic& traffic = start({{.name = "shadow", .alias = "shadow", .is_shadow = true}});
  const PredictRow rows[] = {{.entity_id = "C-1", .given = {}}, {.entity_id = {}, .given = cells_}};
  Prediction out[2];
  traffic.predict(*champion_, rows, scratch_, out);
  EXPECT_EQ(out[0].snapshot->version, 1);
  traffic.drain_shadows();
  EXPECT_EQ(arm(traffic).state, "live");
  EXPECT_EQ(arm(traffic).shadow->compared, 1U);  // nothing is known of the one without an id
}

TEST_F(TrafficTest, WritesTheVariantIntoEventsAndMetrics) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 10'000}});
  ask(traffic, 3);
  ASSERT_EQ(sink_.events.size(), 3U);
  EXPECT_EQ(sink_.events[0].variant, "canary");
  EXPECT_EQ(sink_.events[0].version, 2);
  EXPECT_FALSE(sink_.events[0].is_shadow);
  const std::string text = world_.metrics.prometheus_text();
  EXPECT_THAT(text, HasSubstr("tenure_predictions_total{model=\"churn\",version=\"2\","
                              "level=\"primary\",variant=\"canary\"} 3"));
  EXPECT_THAT(text, HasSubstr("tenure_traffic_share{variant=\"canary\"} 1"));
}

TEST_F(TrafficTest, FindsTheVersionThatAnArmHasLive) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 100}});
  ASSERT_TRUE(traffic.find_version("2").has_value());
  EXPECT_EQ(traffic.find_version("2")->snapshot->version, 2);
  EXPECT_FALSE(traffic.find_version("1").has_value());
  EXPECT_FALSE(traffic.find_version("x").has_value());
}

TEST_F(TrafficTest, TakesOutAnArmThatFallsBackAndTellsTheRegistry) {
  point("canary", 4);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 10'000}});
  // A customer whom the champion knows, and version 4 cannot look up.
  const std::vector<PredictRow> rows(100, {.entity_id = "C-1", .given = {}});
  std::vector<Prediction> out(rows.size());
  traffic.predict(*champion_, rows, scratch_, out);
  EXPECT_EQ(out[0].variant, "canary");
  EXPECT_EQ(out[0].reason, FallbackReason::kNoStoredFeatures);
  world_.clock.advance(core::kMicrosPerSecond);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "taken out");
  EXPECT_THAT(arm(traffic).why, HasSubstr("100.0 % of 100 answers were fallbacks"));
  traffic.predict(*champion_, rows, scratch_, out);
  EXPECT_EQ(out[0].variant, "champion");
  EXPECT_EQ(out[0].level, Level::kPrimary);
  traffic.check_guard();
  EXPECT_THAT(world_.metrics.prometheus_text(),
              HasSubstr("tenure_traffic_rollbacks_total{variant=\"canary\"} 1"));
  const auto version = must(registry_.get_version("churn", 4));
  EXPECT_THAT(version.tags.at("tenure.taken_out"), HasSubstr("fallbacks"));
  const auto trail = must(registry_.audit("models/churn/4"));
  EXPECT_EQ(trail.front().actor, "tenure");
  EXPECT_THAT(trail.front().reason, HasSubstr("taken out of arm 'canary'"));
  EXPECT_EQ(trail.front().evidence.at("answers").to_number<int>(), 100);
}

TEST_F(TrafficTest, KeepsAnArmOutUntilItHasAnotherVersionOrIsPutBack) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000}},
                           {.answers_min = 50, .mean_margin = 0.01});
  const auto take_out = [&] {
    world_.clock.advance(core::kMicrosPerSecond);
    traffic.check_guard();
    ask(traffic, 400);
    world_.clock.advance(core::kMicrosPerSecond);
    traffic.check_guard();
  };
  EXPECT_EQ(traffic.put_back("canary", "ann").error().code, core::ErrorCode::kConflict);
  EXPECT_EQ(traffic.put_back("nobody", "ann").error().code, core::ErrorCode::kNotFound);
  take_out();
  EXPECT_EQ(arm(traffic).state, "taken out");
  EXPECT_THAT(arm(traffic).why, HasSubstr("the mean of "));
  world_.clock.advance(3'600 * core::kMicrosPerSecond);
  traffic.check_arms();
  EXPECT_EQ(arm(traffic).state, "taken out");
  EXPECT_EQ(arm(traffic).taken_out_by, "tenure");
  const core::Micros out_since = arm(traffic).since;
  world_.clock.advance(core::kMicrosPerSecond);
  ASSERT_TRUE(traffic.put_back("canary", "ann").has_value());
  EXPECT_EQ(arm(traffic).state, "live");
  EXPECT_EQ(arm(traffic).taken_out_by, "");
  EXPECT_GT(arm(traffic).since, out_since);
  EXPECT_GT(arm(traffic).answers, 0U);
  take_out();
  EXPECT_EQ(arm(traffic).state, "taken out");
  point("canary", 6);
  traffic.check_arms();
  EXPECT_EQ(arm(traffic).state, "live");
  take_out();
  EXPECT_EQ(arm(traffic).state, "live") << "version 6 says what the champion says";
}

TEST_F(TrafficTest, ComparesScoresOnTheCustomersOfTheArm) {
  point("canary", 6);  // the champion's model again
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000}},
                           {.answers_min = 50, .mean_margin = 0.001, .psi_max = 0.001});
  traffic.check_guard();
  // The arm's customers have another plan than the champion's, and so other scores.
  const std::vector<Cell> other{Cell::of("a"), Cell::of(1.0)};
  for (int i = 0; i < 400; ++i) {
    const std::string id = fmt::format("C{:05}", i);
    const bool is_arm = traffic_slot("s", id) < 5'000;
    const PredictRow rows[] = {
        {.entity_id = id, .given = is_arm ? std::span<const Cell>(other) : cells_}};
    Prediction out[1];
    traffic.predict(*champion_, rows, scratch_, out);
  }
  traffic.check_guard();
  ASSERT_TRUE(arm(traffic).comparison.has_value());
  const ArmComparison sides = *arm(traffic).comparison;
  EXPECT_EQ(sides.pairs, sides.answers);
  EXPECT_GT(sides.pairs, 150U);
  EXPECT_EQ(sides.mean_score, sides.champion_mean_score);
  EXPECT_EQ(sides.psi, 0);
  EXPECT_EQ(arm(traffic).state, "live");
}

TEST_F(TrafficTest, TakesOutAnArmWhoseCustomersDoOtherThanItSaid) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000}});
  outcomes_.tell(1, 1'000, 0.3, 0.31);
  outcomes_.tell(2, 190, 0.3, 0.7);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "live") << "too few labels";
  outcomes_.tell(2, 300, 0.3, 0.7);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "taken out");
  EXPECT_THAT(arm(traffic).why, HasSubstr("of 490 customers with labels 343 had the event"));
  EXPECT_THAT(arm(traffic).why, HasSubstr("the champion's 1.03 times"));
  const auto trail = must(registry_.audit("models/churn/2"));
  EXPECT_EQ(trail.front().actor, "tenure");
  const core::Json& evidence = trail.front().evidence;
  EXPECT_EQ(evidence.at("outcomes").at("customers").to_number<int>(), 490);
  EXPECT_EQ(evidence.at("champion_outcomes").at("events").to_number<int>(), 310);
  const std::string text = world_.metrics.prometheus_text();
  EXPECT_THAT(text, HasSubstr("tenure_traffic_labelled_customers{variant=\"canary\"} 490"));
  EXPECT_THAT(text, HasSubstr("tenure_traffic_labelled_customers{variant=\"champion\"} 1000"));
  ASSERT_TRUE(traffic.status().champion_outcomes.has_value());
  EXPECT_EQ(arm(traffic).outcomes->customers, 490U);
}

TEST_F(TrafficTest, JudgesAVersionThatWasPutBackByWhatIsToldFromThenOn) {
  point("canary", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000}});
  outcomes_.tell(2, 500, 0.3, 0.7);
  traffic.check_guard();
  ASSERT_EQ(arm(traffic).state, "taken out");
  ASSERT_TRUE(traffic.put_back("canary", "ann").has_value());
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "live");
  outcomes_.tell(2, 500, 0.3, 0.3);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "live");
  outcomes_.tell(2, 900, 0.3, 0.7);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "taken out");
}

TEST_F(TrafficTest, ShowsOutcomesOfShadowsAndOfUnguardedArmsAndTakesNoneOut) {
  point("b", 2);
  point("dark", 6);
  Traffic& traffic = start({{.name = "b", .alias = "b", .slots = 5'000, .is_guarded = false},
                            {.name = "dark", .alias = "dark", .is_shadow = true}});
  outcomes_.tell(2, 500, 0.3, 0.7);
  outcomes_.tell(6, 400, 0.3, 0.3);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic, 0).state, "live");
  EXPECT_EQ(arm(traffic, 0).outcomes->customers, 500U);
  EXPECT_EQ(arm(traffic, 1).outcomes->customers, 400U);
  EXPECT_FALSE(traffic.status().champion_outcomes.has_value());
}

TEST_F(TrafficTest, LeavesAnArmAloneThatIsNotGuarded) {
  point("b", 2);
  Traffic& traffic = start({{.name = "b", .alias = "b", .slots = 5'000, .is_guarded = false}},
                           {.answers_min = 50, .mean_margin = 0.01});
  ask(traffic, 400);
  world_.clock.advance(core::kMicrosPerSecond);
  traffic.check_guard();
  EXPECT_EQ(arm(traffic).state, "live");
  ASSERT_TRUE(arm(traffic).comparison.has_value());
  EXPECT_GT(arm(traffic).comparison->answers, 100U);
}

TEST_F(TrafficTest, RepeatsTheChampionsPredictionsWithAShadow) {
  point("dark", 2);
  Traffic& traffic = start({{.name = "dark", .alias = "dark", .is_shadow = true}});
  ask(traffic, 20);
  ASSERT_EQ(sink_.events.size(), 20U);
  for (const auto& event : sink_.events) EXPECT_EQ(event.variant, "champion");
  traffic.drain_shadows();
  ASSERT_EQ(sink_.events.size(), 40U);
  double difference = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto& shadow = sink_.events[20 + i];
    EXPECT_EQ(shadow.id, sink_.events[i].id);
    EXPECT_EQ(shadow.variant, "dark");
    EXPECT_EQ(shadow.version, 2);
    EXPECT_TRUE(shadow.is_shadow);
    difference = std::abs(static_cast<double>(shadow.probability) -
                          static_cast<double>(sink_.events[i].probability));
  }
  EXPECT_GT(difference, 0);
  ASSERT_TRUE(arm(traffic).shadow.has_value());
  EXPECT_EQ(arm(traffic).shadow->compared, 20U);
  EXPECT_NEAR(arm(traffic).shadow->difference_mean, difference, 1e-9);
  EXPECT_NEAR(arm(traffic).shadow->difference_max, difference, 1e-9);
  const std::string text = world_.metrics.prometheus_text();
  EXPECT_THAT(text, HasSubstr("tenure_shadow_score_difference_count{variant=\"dark\"} 20"));
  // Nobody got its predictions, so they are not among those that somebody did.
  EXPECT_THAT(text, HasSubstr("tenure_shadow_predictions_total{model=\"churn\",version=\"2\","
                              "level=\"primary\",variant=\"dark\"} 20"));
  EXPECT_THAT(text,
              ::testing::Not(HasSubstr("tenure_predictions_total{model=\"churn\",version=\"2\"")));
  // Of whom nothing is known nothing can be compared.
  ask(traffic, 5, false);
  traffic.drain_shadows();
  EXPECT_EQ(arm(traffic).shadow->compared, 20U);
}

TEST_F(TrafficTest, AnswersFromAllThreadsWhileArmsComeAndGo) {
  point("canary", 2);
  point("dark", 2);
  Traffic& traffic = start({{.name = "canary", .alias = "canary", .slots = 5'000},
                            {.name = "dark", .alias = "dark", .is_shadow = true}},
                           {.window = core::kMicrosPerSecond, .answers_min = 1'000'000});
  traffic.start();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      Traffic::Scratch scratch;
      for (int i = 0; i < 2'000; ++i) {
        const std::string id = fmt::format("C{:05}", i);
        const PredictRow rows[] = {{.entity_id = id, .given = cells_}};
        Prediction out[1];
        traffic.predict(*champion_, rows, scratch, out);
        const std::int64_t version = out[0].snapshot->version;
        const bool is_arm = version == 2 || version == 6;
        if (out[0].level != Level::kPrimary || is_arm != (out[0].variant == "canary")) ++wrong;
      }
    });
  for (int i = 0; i < 10; ++i) {
    point("canary", i % 2 == 0 ? 6 : 2);
    traffic.check_arms();
    // Two people act by hand while the guard compares.
    std::thread out([&] {
      for (int k = 0; k < 20; ++k) static_cast<void>(traffic.take_out("canary", "ann"));
    });
    std::thread back([&] {
      for (int k = 0; k < 20; ++k) static_cast<void>(traffic.put_back("canary", "ben"));
    });
    for (int k = 0; k < 100; ++k) traffic.check_guard();
    static_cast<void>(traffic.status());
    out.join();
    back.join();
  }
  for (std::thread& thread : threads) thread.join();
  traffic.stop();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace tenure::serving
