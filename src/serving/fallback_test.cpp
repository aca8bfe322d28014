#include "serving/fallback.h"

#include <gtest/gtest.h>

#include "serving/testing/served_world.h"

namespace tenure::serving {
namespace {

using data::Cell;
using testing::must;
using testing::ServedWorld;

/// A predictor over the small world with a secondary model, a rule for plan b, and options.
class FallbackTest : public ::testing::Test {
 protected:
  void serve(const FallbackOptions& options, std::string_view yaml = kRules) {
    predictor_.emplace(Predictor::Collaborators{world_.clock, world_.metrics, nullptr}, options);
    const core::Config config =
        must(core::parse_config("project: p\n" + std::string(yaml), core::ConfigSource{}));
    const std::vector<decision::Vocabulary::Feature> inputs = {
        {"plan", decision::ValueType::kText}, {"age", decision::ValueType::kNumber}};
    ModelSnapshot::Parts parts = world_.parts(1);
    parts.secondary = world_.secondary();
    parts.rules = must(decision::RuleSet::from_config(config, inputs));
    if (!config.names("decision.offers").empty())
      parts.policy = must(decision::Policy::from_config(config, inputs, 0.25));
    snapshot_ = must(ModelSnapshot::make(std::move(parts)));
    predictor_->swap(snapshot_);
  }
  Prediction predict(PredictRow row, PredictOptions options = {}) {
    std::vector<Prediction> out(1);
    predictor_->predict(*snapshot_, {&row, 1}, scratch_, out, options);
    return out.front();
  }
  float secondary_score(std::vector<Cell> cells) const {
    std::vector<float> encoded(snapshot_->secondary->transform().outputs().size());
    return snapshot_->secondary->score(cells, encoded).probability;
  }

  static constexpr std::string_view kRules =
      "serving:\n  fallback:\n    rules:\n"
      "      young: {when: age < 3, probability: 0.875}\n"
      "      nobody: {when: plan is missing and age is missing, probability: 0.375}\n";

  ServedWorld world_;
  std::optional<Predictor> predictor_;
  std::shared_ptr<const ModelSnapshot> snapshot_;
  Predictor::Scratch scratch_;
};

TEST_F(FallbackTest, TheSecondaryModelAnswersWhereTooManyFeaturesAreMissing) {
  serve({.missing_max = 0.4});
  const std::vector<Cell> half{Cell::of("b"), Cell::null()};
  const Prediction prediction = predict({.entity_id = "", .given = half});
  EXPECT_EQ(prediction.level, Level::kSecondary);
  EXPECT_EQ(prediction.reason, FallbackReason::kMissingFeatures);
  EXPECT_EQ(prediction.probability, secondary_score(half));
  EXPECT_TRUE(prediction.is_uncertain);
  EXPECT_EQ(predict({.entity_id = "C-1", .given = {}}).level, Level::kPrimary);
}

TEST_F(FallbackTest, TheSecondaryModelTakesWhatIsGivenWhenTheStoreIsAway) {
  serve({});
  world_.store.is_away = true;
  const std::vector<Cell> given{Cell::of("b"), Cell{}};
  const Prediction prediction = predict({.entity_id = "C-1", .given = given});
  EXPECT_EQ(prediction.level, Level::kSecondary);
  EXPECT_EQ(prediction.reason, FallbackReason::kStoreUnavailable);
  EXPECT_EQ(prediction.probability, secondary_score({Cell::of("b"), Cell::null()}));
}

TEST_F(FallbackTest, ARuleAnswersWhereNothingIsKnown) {
  serve({});
  const Prediction prediction = predict({.entity_id = "C-9", .given = {}});
  EXPECT_EQ(prediction.level, Level::kRules);
  EXPECT_EQ(prediction.rule, "nobody");
  EXPECT_EQ(prediction.reason, FallbackReason::kUnknownEntity);
  EXPECT_EQ(prediction.probability, 0.375F);
  serve({}, "");
  EXPECT_EQ(predict({.entity_id = "C-9", .given = {}}).level, Level::kBaseRate);
  EXPECT_EQ(predict({.entity_id = "C-9", .given = {}}).probability, 0.25F);
}

TEST_F(FallbackTest, RulesFollowWhenTheSecondaryModelIsSwitchedOff) {
  serve({.missing_max = 0.4, .has_secondary = false});
  const std::vector<Cell> young{Cell::null(), Cell::of(2.0)};
  EXPECT_EQ(predict({.entity_id = "", .given = young}).rule, "young");
  const std::vector<Cell> old{Cell::null(), Cell::of(5.0)};
  EXPECT_EQ(predict({.entity_id = "", .given = old}).level, Level::kBaseRate);
}

TEST_F(FallbackTest, StaleFeaturesAreNotTrusted) {
  serve({.stale_after = 3'000'000'000});  // the rows are an hour old
  const Prediction prediction = predict({.entity_id = "C-1", .given = {}});
  EXPECT_EQ(prediction.reason, FallbackReason::kStaleFeatures);
  EXPECT_EQ(prediction.level, Level::kSecondary);
  const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
  EXPECT_EQ(predict({.entity_id = "", .given = given}).level, Level::kPrimary);
}

TEST_F(FallbackTest, ARequestWhoseTimeHasRunOutIsAnsweredWithoutTheStoreAndTheModel) {
  serve({}, "");
  const std::int64_t now_ns = world_.clock.monotonic_ns();
  EXPECT_EQ(predict({.entity_id = "C-1", .given = {}}, {.deadline_ns = now_ns}).level,
            Level::kPrimary);
  const int reads = world_.store.reads;
  const Prediction late = predict({.entity_id = "C-1", .given = {}}, {.deadline_ns = now_ns - 1});
  EXPECT_EQ(late.reason, FallbackReason::kDeadline);
  EXPECT_EQ(late.level, Level::kBaseRate) << "nothing is known without the store";
  EXPECT_EQ(world_.store.reads, reads) << "it is not asked";
  EXPECT_EQ(predictor_->fallback_stats().breakers[1].times_opened, 0U);
  const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
  EXPECT_EQ(predict({.entity_id = "", .given = given}, {.deadline_ns = now_ns - 1}).level,
            Level::kSecondary);
}

TEST_F(FallbackTest, ASlowReadOfTheStoreLeavesTheModelNoTime) {
  serve({});
  world_.store.on_read = [&] { world_.clock.advance(2'000); };
  const auto in = [&](core::Micros left) {
    return predict({.entity_id = "C-1", .given = {}},
                   {.deadline_ns = world_.clock.monotonic_ns() + left * 1000});
  };
  EXPECT_EQ(in(2'000).level, Level::kPrimary);
  EXPECT_EQ(in(1'999).reason, FallbackReason::kDeadline);
  EXPECT_EQ(in(1'999).level, Level::kSecondary) << "the features are known";
}

TEST_F(FallbackTest, OfTheRequestsDeadlineAndTheServersTheEarlierCounts) {
  serve({.deadline = 1'000});
  world_.store.on_read = [&] { world_.clock.advance(1'001); };
  const auto in = [&](core::Micros left) {
    const std::int64_t at = left == 0 ? 0 : world_.clock.monotonic_ns() + left * 1000;
    return predict({.entity_id = "C-1", .given = {}}, {.deadline_ns = at}).reason;
  };
  EXPECT_EQ(in(0), FallbackReason::kDeadline);
  EXPECT_EQ(in(60'000'000), FallbackReason::kDeadline);
  serve({.deadline = 60'000'000});
  EXPECT_EQ(in(0), FallbackReason::kNone);
  EXPECT_EQ(in(1'000), FallbackReason::kDeadline);
  EXPECT_EQ(in(1'001), FallbackReason::kNone);
}

TEST_F(FallbackTest, AStoreThatKeepsFailingIsLeftAloneForAWhile) {
  serve({.breaker = {
             .failure_share = 0.5, .calls_min = 5, .window = 10'000'000, .pause = 1'000'000}});
  world_.store.is_away = true;
  for (int i = 0; i < 5; ++i) predict({.entity_id = "C-1", .given = {}});
  const int reads = world_.store.reads;
  world_.store.is_away = false;
  EXPECT_EQ(predict({.entity_id = "C-1", .given = {}}).reason, FallbackReason::kStoreUnavailable);
  EXPECT_EQ(world_.store.reads, reads) << "it is not asked";
  EXPECT_EQ(predictor_->fallback_stats().breakers[1].state, CircuitBreaker::State::kOpen);
  world_.clock.advance(1'000'001);
  EXPECT_EQ(predict({.entity_id = "C-1", .given = {}}).level, Level::kPrimary);
  EXPECT_EQ(predictor_->fallback_stats().breakers[1].state, CircuitBreaker::State::kClosed);
}

TEST_F(FallbackTest, ADamagedRowDoesNotOpenTheBreaker) {
  serve({.breaker = {
             .failure_share = 0.1, .calls_min = 2, .window = 10'000'000, .pause = 1'000'000}});
  world_.store.damaged = "C-2";
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(predict({.entity_id = "C-2", .given = {}}).reason, FallbackReason::kStoreUnavailable);
  EXPECT_EQ(predict({.entity_id = "C-1", .given = {}}).level, Level::kPrimary);
}

TEST_F(FallbackTest, CountsLevelsAndReasons) {
  serve({});
  predict({.entity_id = "C-1", .given = {}});
  predict({.entity_id = "C-9", .given = {}});
  const Predictor::FallbackStats stats = predictor_->fallback_stats();
  ASSERT_EQ(stats.levels.size(), 4U);
  EXPECT_EQ(stats.levels[0].name, "primary");
  EXPECT_EQ(stats.levels[0].count, 1U);
  EXPECT_EQ(stats.levels[2].name, "rules");
  EXPECT_EQ(stats.levels[2].count, 1U);
  EXPECT_EQ(stats.reasons[0].name, "unknown_entity");
  EXPECT_EQ(stats.reasons[0].count, 1U);
}

TEST_F(FallbackTest, DecidesByThePolicyAndSpendsNothingOnAGuess) {
  serve({.missing_max = 0.4},
        "decision:\n  value: 1000\n  offers:\n    call: {cost: 1, acceptance: 0.5}\n");
  const std::vector<Cell> likely{Cell::of("b"), Cell::of(4.0)};
  const Prediction sure = predict({.entity_id = "", .given = likely});
  EXPECT_EQ(snapshot_->policy->action_name(sure.decision), "call");
  EXPECT_GT(sure.decision.expected_profit, 0);
  const std::vector<Cell> half{Cell::of("b"), Cell::null()};
  const Prediction guess = predict({.entity_id = "", .given = half});
  EXPECT_EQ(guess.level, Level::kSecondary);
  EXPECT_NE(snapshot_->policy->action_name(guess.decision), "call");
}

TEST_F(FallbackTest, RefusesASecondaryModelWithOtherInputs) {
  ModelSnapshot::Parts parts = world_.parts(1);
  parts.secondary = world_.secondary();
  world_.null_values = {};
  const data::Table table{.columns = {data::Column::of_numbers("age", {1, 2, 3, 4})}};
  const std::vector<learn::InputField> inputs = {
      {.name = "age", .type = data::ColumnType::kNumber}};
  auto other =
      must(learn::train_secondary(inputs, table, std::vector<std::uint8_t>{0, 1, 0, 1}, 1, 1));
  auto weights = must(learn::TreeModel::load(other.xgboost_ubj));
  parts.secondary = must(learn::Model::make({}, std::move(other.transform), std::move(weights)));
  EXPECT_FALSE(ModelSnapshot::make(std::move(parts)).has_value());
}

}  // namespace
}  // namespace tenure::serving
