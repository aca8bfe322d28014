#include "serving/predictor.h"

#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "serving/testing/served_world.h"

namespace tenure::serving {
namespace {

using data::Cell;
using testing::ServedWorld;

/// Keeps what it is told.
class RecordingSink final : public PredictionSink {
 public:
  struct Record {
    std::string id, entity, model;
    std::int64_t version;
    std::vector<std::string> names;
    std::vector<Cell::Kind> kinds;
    float probability;
    Level level;
    core::Micros features_time;
  };
  void append(const PredictionEvent& event) noexcept override {
    Record record{std::string(event.prediction_id),
                  std::string(event.entity_id),
                  std::string(event.model),
                  event.version,
                  {event.feature_names.begin(), event.feature_names.end()},
                  {},
                  event.probability,
                  event.level,
                  event.features_time};
    for (const Cell& cell : event.features) record.kinds.push_back(cell.kind);
    records.push_back(std::move(record));
  }
  std::vector<Record> records;
};

class PredictorTest : public ::testing::Test {
 protected:
  std::vector<Prediction> predict(std::vector<PredictRow> rows,
                                  const std::shared_ptr<const ModelSnapshot>& snapshot) {
    std::vector<Prediction> out(rows.size());
    predictor_.predict(*snapshot, rows, scratch_, out);
    return out;
  }
  std::vector<Prediction> predict(std::vector<PredictRow> rows) {
    return predict(std::move(rows), snapshot_);
  }
  Prediction predict_one(PredictRow row) { return predict(std::vector{row}).front(); }
  /// What the model says to these cells, without a predictor.
  float score(std::vector<Cell> cells) const {
    std::vector<float> encoded(snapshot_->model.transform().outputs().size());
    return snapshot_->model.score(cells, encoded).probability;
  }
  std::string metrics() const { return world_.metrics.prometheus_text(); }

  ServedWorld world_;
  RecordingSink sink_;
  Predictor predictor_{{world_.clock, world_.metrics, &sink_}};
  std::shared_ptr<const ModelSnapshot> snapshot_ = world_.snapshot(3);
  Predictor::Scratch scratch_;
};

TEST_F(PredictorTest, ScoresTheStoredFeaturesOfAnEntity) {
  const Prediction prediction = predict_one({.entity_id = "C-2", .given = {}});
  EXPECT_EQ(prediction.level, Level::kPrimary);
  EXPECT_EQ(prediction.reason, FallbackReason::kNone);
  EXPECT_EQ(prediction.entity_id, "C-2");
  EXPECT_EQ(prediction.probability, score({Cell::of("b"), Cell::of(2.0)}));
  EXPECT_GT(prediction.probability, 0.5F);
  EXPECT_TRUE(prediction.is_positive);
  EXPECT_EQ(prediction.features_time, ServedWorld::kRowTime + 1);
}

TEST_F(PredictorTest, LetsGivenFeaturesWinOverStoredOnes) {
  const std::vector<Cell> plan{Cell::of("b"), Cell{}};
  const Prediction prediction = predict_one({.entity_id = "C-1", .given = plan});
  EXPECT_EQ(prediction.probability, score({Cell::of("b"), Cell::of(1.0)}));
  const std::vector<Cell> null_plan{Cell::null(), Cell{}};
  EXPECT_EQ(predict_one({.entity_id = "C-2", .given = null_plan}).probability,
            score({Cell::null(), Cell::of(2.0)}));
}

TEST_F(PredictorTest, ReadsAMissingGivenFeatureAsTheTrainingTableWasCleaned) {
  world_.null_values = {{"plan", "b"}, {"age", "4"}};
  snapshot_ = world_.snapshot(3);
  const std::vector<Cell> both_null{Cell::null(), Cell::null()};
  EXPECT_EQ(predict_one({.entity_id = "", .given = both_null}).probability,
            score({Cell::of("b"), Cell::of(4.0)}));
  const std::vector<Cell> null_plan{Cell::null(), Cell{}};
  EXPECT_EQ(predict_one({.entity_id = "C-1", .given = null_plan}).probability,
            score({Cell::of("b"), Cell::of(1.0)}));
  // The log tells what the model saw.
  ASSERT_EQ(sink_.records.size(), 2U);
  EXPECT_EQ(sink_.records[0].kinds, (std::vector{Cell::Kind::kText, Cell::Kind::kNumber}));
}

TEST_F(PredictorTest, FillsWhatAnUnknownEntityLacksAsTheTrainingTableWasCleaned) {
  world_.null_values = {{"plan", "b"}, {"age", "+4"}};
  snapshot_ = world_.snapshot(3);
  const std::vector<Cell> age{Cell{}, Cell::of(1.0)};
  EXPECT_EQ(predict_one({.entity_id = "C-9", .given = age}).probability,
            score({Cell::of("b"), Cell::of(1.0)}));
  const auto without_store = world_.snapshot(4, false);
  const std::vector<Cell> plan{Cell::of("a"), Cell{}};
  const auto predictions = predict({{.entity_id = "C-1", .given = plan}}, without_store);
  EXPECT_EQ(predictions[0].probability, score({Cell::of("a"), Cell::of(4.0)}));
}

TEST_F(PredictorTest, ExplainsEveryRowOfTheModel) {
  const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
  const std::vector<PredictRow> rows{{.entity_id = "C-1", .given = {}},
                                     {.entity_id = "C-9", .given = {}},
                                     {.entity_id = "", .given = given}};
  std::vector<Prediction> out(rows.size());
  predictor_.predict(*snapshot_, rows, scratch_, out, {.is_explained = true});
  for (const std::size_t row : {std::size_t{0}, std::size_t{2}}) {
    ASSERT_EQ(out[row].contributions.size(), 2U);
    float sum = out[row].bias;
    for (const Contribution& one : out[row].contributions) sum += one.log_odds;
    EXPECT_NEAR(sum, out[row].margin, 1e-5F);
  }
  EXPECT_LT(out[0].contributions[0].log_odds, 0) << "plan a speaks against it";
  EXPECT_EQ(out[0].contributions[0].value.text, "a");
  EXPECT_GT(out[2].contributions[0].log_odds, 0);
  EXPECT_EQ(out[2].contributions[1].input, 1U);
  EXPECT_EQ(out[2].contributions[1].value.number, 4.0);
  EXPECT_TRUE(out[1].contributions.empty()) << "the base rate has no reasons";
  predictor_.predict(*snapshot_, rows, scratch_, out);
  EXPECT_TRUE(out[0].contributions.empty());
}

TEST_F(PredictorTest, ExplainsTheOtherRowsBesideADamagedOne) {
  world_.store.damaged = "C-2";
  const std::vector<PredictRow> rows{{.entity_id = "C-1", .given = {}},
                                     {.entity_id = "C-2", .given = {}},
                                     {.entity_id = "C-3", .given = {}}};
  std::vector<Prediction> out(rows.size());
  predictor_.predict(*snapshot_, rows, scratch_, out, {.is_explained = true});
  EXPECT_EQ(out[0].contributions[0].value.text, "a");
  EXPECT_EQ(out[0].contributions[1].value.number, 1.0);
  EXPECT_TRUE(out[1].contributions.empty());
  EXPECT_EQ(out[2].contributions[0].value.text, "a");
  EXPECT_EQ(out[2].contributions[1].value.number, 3.0);
}

TEST_F(PredictorTest, ScoresGivenFeaturesWithoutAnEntity) {
  const std::vector<Cell> given{Cell::of("b"), Cell{}};
  const Prediction prediction = predict_one({.entity_id = "", .given = given});
  EXPECT_EQ(prediction.level, Level::kPrimary);
  EXPECT_EQ(prediction.probability, score({Cell::of("b"), Cell{}}));
  EXPECT_EQ(prediction.features_time, 0);
  EXPECT_EQ(world_.store.reads, 0);
}

TEST_F(PredictorTest, DoesNotAskTheStoreWhenEveryFeatureIsGiven) {
  world_.store.is_away = true;
  const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
  const Prediction prediction = predict_one({.entity_id = "C-1", .given = given});
  EXPECT_EQ(prediction.level, Level::kPrimary);
  EXPECT_EQ(prediction.probability, score(given));
  EXPECT_EQ(world_.store.reads, 0);
}

TEST_F(PredictorTest, AnswersAnUnknownEntityByTheBaseRate) {
  const Prediction prediction = predict_one({.entity_id = "C-9", .given = {}});
  EXPECT_EQ(prediction.level, Level::kBaseRate);
  EXPECT_EQ(prediction.reason, FallbackReason::kUnknownEntity);
  EXPECT_EQ(prediction.probability, 0.25F);
  EXPECT_NEAR(prediction.margin, -1.0986F, 1e-4F);
  EXPECT_FALSE(prediction.is_positive);
  EXPECT_EQ(prediction.features_time, 0);
}

TEST_F(PredictorTest, ScoresAnUnknownEntityByWhatIsGiven) {
  const std::vector<Cell> given{Cell::of("b"), Cell{}};
  const Prediction prediction = predict_one({.entity_id = "C-9", .given = given});
  EXPECT_EQ(prediction.level, Level::kPrimary);
  EXPECT_EQ(prediction.probability, score({Cell::of("b"), Cell::null()}));
}

TEST_F(PredictorTest, AnswersByTheBaseRateWhenTheStoreIsAway) {
  world_.store.is_away = true;
  const std::vector<Cell> given{Cell::of("b"), Cell{}};
  const auto predictions =
      predict({{.entity_id = "C-1", .given = {}}, {.entity_id = "C-1", .given = given}});
  for (const Prediction& prediction : predictions) {
    EXPECT_EQ(prediction.level, Level::kBaseRate);
    EXPECT_EQ(prediction.reason, FallbackReason::kStoreUnavailable);
  }
  world_.store.is_away = false;
  EXPECT_EQ(predict_one({.entity_id = "C-1", .given = {}}).level, Level::kPrimary);
}

TEST_F(PredictorTest, LosesOnlyTheEntityWhoseStoredRowIsDamaged) {
  world_.store.damaged = "C-2";
  const auto predictions = predict({{.entity_id = "C-1", .given = {}},
                                    {.entity_id = "C-2", .given = {}},
                                    {.entity_id = "C-3", .given = {}}});
  EXPECT_EQ(predictions[0].probability, score({Cell::of("a"), Cell::of(1.0)}));
  EXPECT_EQ(predictions[0].level, Level::kPrimary);
  EXPECT_EQ(predictions[1].reason, FallbackReason::kStoreUnavailable);
  EXPECT_EQ(predictions[2].level, Level::kPrimary);
  EXPECT_EQ(sink_.records.size(), 3U);
}

TEST_F(PredictorTest, ServesAModelWithoutStoredFeatures) {
  const auto snapshot = world_.snapshot(4, false);
  const std::vector<Cell> given{Cell::of("b"), Cell{}};
  const auto predictions =
      predict({{.entity_id = "C-1", .given = given}, {.entity_id = "C-1", .given = {}}}, snapshot);
  EXPECT_EQ(predictions[0].level, Level::kPrimary);
  EXPECT_EQ(predictions[0].probability, score({Cell::of("b"), Cell{}}));
  EXPECT_EQ(predictions[1].level, Level::kBaseRate);
  EXPECT_EQ(predictions[1].reason, FallbackReason::kNoStoredFeatures);
  EXPECT_EQ(reason_name(predictions[1].reason), "no_stored_features");
}

TEST_F(PredictorTest, KeepsManyRowsOfAllKindsApart) {
  const std::vector<Cell> given{Cell::of("b"), Cell::of(6.0)};
  std::vector<PredictRow> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back({.entity_id = "C-1", .given = {}});
    rows.push_back({.entity_id = "", .given = given});
    rows.push_back({.entity_id = "C-9", .given = {}});
    rows.push_back({.entity_id = "C-2", .given = {}});
  }
  const auto predictions = predict(rows);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < predictions.size(); i += 4) {
    EXPECT_EQ(predictions[i].probability, score({Cell::of("a"), Cell::of(1.0)}));
    EXPECT_EQ(predictions[i + 1].probability, score(given));
    EXPECT_EQ(predictions[i + 2].reason, FallbackReason::kUnknownEntity);
    EXPECT_EQ(predictions[i + 3].probability, score({Cell::of("b"), Cell::of(2.0)}));
  }
  for (const Prediction& prediction : predictions) ids.emplace(prediction.id, 36);
  EXPECT_EQ(ids.size(), predictions.size());
  EXPECT_EQ(world_.store.reads, 1);
}

TEST_F(PredictorTest, TellsTheSinkWhatTheModelSaw) {
  predict({{.entity_id = "C-2", .given = {}}, {.entity_id = "C-9", .given = {}}});
  ASSERT_EQ(sink_.records.size(), 2U);
  const RecordingSink::Record& seen = sink_.records[0];
  EXPECT_EQ(seen.id.size(), 36U);
  EXPECT_EQ(seen.entity, "C-2");
  EXPECT_EQ(seen.model, "churn");
  EXPECT_EQ(seen.version, 3);
  EXPECT_EQ(seen.names, (std::vector<std::string>{"plan", "age"}));
  EXPECT_EQ(seen.kinds, (std::vector{Cell::Kind::kText, Cell::Kind::kNumber}));
  EXPECT_EQ(seen.features_time, ServedWorld::kRowTime + 1);
  EXPECT_EQ(sink_.records[1].level, Level::kBaseRate);
  EXPECT_TRUE(sink_.records[1].kinds.empty());
}

TEST_F(PredictorTest, CountsByVersionLevelAndReason) {
  predictor_.swap(snapshot_);
  predict({{.entity_id = "C-1", .given = {}}, {.entity_id = "C-9", .given = {}}});
  const std::string text = metrics();
  const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(has(R"(tenure_predictions_total{model="churn",version="3",level="primary"} 1)"))
      << text;
  EXPECT_TRUE(has(R"(tenure_predictions_total{model="churn",version="3",level="base_rate"} 1)"))
      << text;
  EXPECT_TRUE(has(R"(tenure_prediction_fallbacks_total{reason="unknown_entity"} 1)")) << text;
  EXPECT_TRUE(has("tenure_model_swaps_total 1")) << text;
  EXPECT_TRUE(has("tenure_prediction_duration_seconds_count 1")) << text;
}

TEST_F(PredictorTest, FindsInputsByPlainNameAndByViewAndName) {
  EXPECT_EQ(snapshot_->input_index.at("plan"), 0U);
  EXPECT_EQ(snapshot_->input_index.at("age"), 1U);
  EXPECT_EQ(snapshot_->input_index.at("profile__plan"), 0U);
  EXPECT_EQ(snapshot_->input_index.at("profile__age"), 1U);
  EXPECT_EQ(snapshot_->input_index.count("other"), 0U);
}

TEST_F(PredictorTest, HasNoModelBeforeTheFirstSwap) {
  EXPECT_EQ(predictor_.snapshot(), nullptr);
  predictor_.swap(snapshot_);
  EXPECT_EQ(predictor_.snapshot(), snapshot_);
}

TEST_F(PredictorTest, GivesEachCacheTheNewestModel) {
  SnapshotCache first, second;
  EXPECT_EQ(predictor_.snapshot(first), nullptr);
  predictor_.swap(snapshot_);
  EXPECT_EQ(predictor_.snapshot(first), snapshot_.get());
  const auto next = world_.snapshot(4);
  predictor_.swap(next);
  EXPECT_EQ(predictor_.snapshot(second), next.get());
  EXPECT_EQ(predictor_.snapshot(first), next.get());
  EXPECT_EQ(first.shared(), next);
  // A cache that served one predictor never gives its model as that of another.
  Predictor other({world_.clock, world_.metrics, nullptr});
  other.swap(snapshot_);
  EXPECT_EQ(other.snapshot(first), snapshot_.get());
}

TEST_F(PredictorTest, AnswersEachRequestByOneVersionWhileModelsAreSwapped) {
  const auto other = world_.snapshot(4);
  predictor_.swap(snapshot_);
  std::atomic<bool> is_done{false};
  // The sink of the fixture is not for several threads.
  Predictor predictor({world_.clock, world_.metrics, nullptr});
  predictor.swap(snapshot_);
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      Predictor::Scratch scratch;
      const std::vector<Cell> given{Cell::of("b"), Cell::of(4.0)};
      const std::vector<PredictRow> rows(3, {.entity_id = "", .given = given});
      std::vector<Prediction> out(rows.size());
      SnapshotCache cache;
      while (!is_done.load()) {
        const ModelSnapshot* held = predictor.snapshot(cache);
        EXPECT_TRUE(held->version == 3 || held->version == 4);
        predictor.predict(*held, rows, scratch, out);
        EXPECT_EQ(out[2].level, Level::kPrimary);
      }
    });
  }
  for (int i = 0; i < 500; ++i) predictor.swap(i % 2 == 0 ? other : snapshot_);
  is_done.store(true);
  for (std::thread& reader : readers) reader.join();
}

TEST(LevelName, NamesTheLevels) {
  EXPECT_EQ(level_name(Level::kPrimary), "primary");
  EXPECT_EQ(level_name(Level::kBaseRate), "base_rate");
}

}  // namespace
}  // namespace tenure::serving
