#include "learn/trainer.h"

#include <cmath>
#include <set>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "learn/model.h"
#include "learn/presets.h"
#include "learn/xgboost_trainer.h"

namespace tenure::learn {
namespace {

using testing::HasSubstr;

struct Customers {
  data::Table table;
  std::vector<std::uint8_t> labels;
  std::vector<InputField> inputs = {{.name = "plan", .type = data::ColumnType::kText},
                                    {.name = "tenure", .type = data::ColumnType::kNumber},
                                    {.name = "calls", .type = data::ColumnType::kNumber}};
};

/// Customers whose churn depends on plan and tenure, and not at all on the month they were seen.
Customers make_customers(std::size_t count, std::uint64_t seed = 1) {
  core::Random random(seed);
  std::vector<std::string> plans;
  std::vector<double> tenure, calls;
  Customers customers;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_monthly = random.bernoulli(0.6);
    plans.emplace_back(is_monthly ? "month" : "year");
    tenure.push_back(std::floor(random.uniform() * 72));
    calls.push_back(random.bernoulli(0.1) ? std::nan("") : std::floor(random.uniform() * 6));
    const double eta =
        (is_monthly ? 1.2 : -1.5) - 0.04 * tenure.back() + (calls.back() >= 4 ? 1.0 : 0.0);
    customers.labels.push_back(random.bernoulli(1 / (1 + std::exp(-eta))) ? 1 : 0);
  }
  customers.table.columns = {data::Column::of_texts("plan", plans),
                             data::Column::of_numbers("tenure", tenure),
                             data::Column::of_numbers("calls", calls)};
  return customers;
}

core::Result<Training> train_on(const Customers& customers, const TrainSpec& spec,
                                const TrainObserver& observer = {}) {
  return train(spec, customers.inputs, customers.table, customers.labels, observer);
}

TrainSpec quick() {
  TrainSpec spec;
  spec.preset = "light";
  spec.rounds = 60;
  spec.folds = 3;
  spec.threads = 2;
  return spec;
}

TEST(Train, LearnsWhatThereIsToLearn) {
  const Customers customers = make_customers(3000);
  const auto training = train_on(customers, quick());
  ASSERT_TRUE(training.has_value()) << training.error().message;
  EXPECT_GT(training->cross_validation.auc_mean, 0.78);
  EXPECT_LT(training->cross_validation.auc_mean, 0.90);
  EXPECT_LT(training->cross_validation.mean.log_loss, 0.56);
  EXPECT_EQ(training->cross_validation.folds.size(), 3U);
  EXPECT_EQ(training->cross_validation.out_of_fold.size(), 3000U);
  EXPECT_EQ(training->cross_validation.mean.rows, 3000);
  EXPECT_EQ(training->preset, "light");
  EXPECT_GE(training->rounds, 1);
  EXPECT_LE(training->rounds, 60);
  EXPECT_EQ(training->params.at("max_depth"), "3");
  EXPECT_GT(training->base_rate, 0.2);
  for (const double p : training->cross_validation.out_of_fold) {
    EXPECT_GT(p, 0);
    EXPECT_LT(p, 1);
  }
}

TEST(Train, GivesAModelThatServesWithTheBitsOfItsTable) {
  const Customers customers = make_customers(1200);
  auto training = train_on(customers, quick());
  ASSERT_TRUE(training.has_value()) << training.error().message;
  auto trees = TreeModel::load(training->xgboost_ubj);
  ASSERT_TRUE(trees.has_value()) << trees.error().message;
  EXPECT_EQ(trees->tree_count(), static_cast<std::size_t>(training->rounds));
  EXPECT_THAT(std::vector(trees->feature_names().begin(), trees->feature_names().end()),
              testing::ElementsAreArray(training->transform.outputs().begin(),
                                        training->transform.outputs().end()));
  auto model = Model::make({}, training->transform, *std::move(trees));
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const auto scores = model->score(customers.table).value();
  std::vector<float> encoded(model->transform().outputs().size());
  for (std::size_t row = 0; row < customers.labels.size(); ++row) {
    std::vector<data::Cell> cells;
    for (const data::Column& column : customers.table.columns) cells.push_back(column.cell(row));
    const Model::Score score = model->score(cells, encoded);
    ASSERT_EQ(score.margin, scores[row].margin);
    ASSERT_EQ(score.probability, scores[row].probability);
  }
}

TEST(Train, RepeatsItselfForTheSameSeed) {
  const Customers customers = make_customers(900);
  TrainSpec spec = quick();
  const auto first = train_on(customers, spec).value();
  spec.threads = 1;
  const auto second = train_on(customers, spec).value();
  EXPECT_EQ(first.xgboost_ubj, second.xgboost_ubj);
  EXPECT_EQ(first.cross_validation.out_of_fold, second.cross_validation.out_of_fold);
  spec.seed = 7;
  EXPECT_NE(train_on(customers, spec).value().cross_validation.out_of_fold,
            first.cross_validation.out_of_fold);
}

// Random labels cannot be predicted: an estimate above one half would mean that a fold saw its own
// test rows, through early stopping or the transformation.
TEST(Train, FindsNothingInRandomLabels) {
  Customers customers = make_customers(4000);
  core::Random random(5);
  for (auto& label : customers.labels) label = random.bernoulli(0.3) ? 1 : 0;
  TrainSpec spec = quick();
  spec.preset = "deep";
  spec.early_stopping_rounds = 10;
  const auto training = train_on(customers, spec).value();
  EXPECT_NEAR(training.cross_validation.auc_mean, 0.5, 0.035);
}

TEST(Train, StopsEarlyWhenMoreRoundsOnlyOverfit) {
  const Customers customers = make_customers(900);
  TrainSpec spec = quick();
  spec.preset = "deep";
  spec.rounds = 400;
  spec.params = {{"eta", "0.3"}};
  spec.early_stopping_rounds = 10;
  EXPECT_LT(train_on(customers, spec).value().rounds, 60);
  spec.early_stopping_rounds = 0;
  spec.rounds = 70;
  EXPECT_EQ(train_on(customers, spec).value().rounds, 70);
}

TEST(Train, ChoosesAPresetByItself) {
  const Customers customers = make_customers(900);
  TrainSpec spec = quick();
  spec.preset = "auto";
  std::set<std::string> phases;
  const auto training = train_on(customers, spec, [&](const TrainProgress& progress) {
    phases.insert(progress.phase);
    EXPECT_LE(progress.done, progress.total);
    return true;
  });
  ASSERT_TRUE(training.has_value()) << training.error().message;
  EXPECT_TRUE(find_preset(training->preset).has_value());
  EXPECT_THAT(phases, testing::ElementsAre("choosing a preset", "cross-validation, 3 folds",
                                           "fitting on all rows"));
  EXPECT_EQ(training->seconds.size(), 3U);
}

TEST(Train, LaysTheUsersParametersOverThePreset) {
  const Customers customers = make_customers(600);
  TrainSpec spec = quick();
  spec.params = {{"learning_rate", "0.2"}, {"max_depth", "2"}};
  const auto training = train_on(customers, spec).value();
  EXPECT_EQ(training.params.at("eta"), "0.2");
  EXPECT_EQ(training.params.at("max_depth"), "2");
  EXPECT_EQ(training.params.count("learning_rate"), 0U);
}

TEST(Train, RejectsParametersThatXgboostWouldIgnoreOrMisread) {
  const Customers customers = make_customers(600);
  const auto message = [&](std::map<std::string, std::string> params) {
    TrainSpec spec = quick();
    spec.params = std::move(params);
    auto result = train_on(customers, spec);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_THAT(message({{"max_dept", "3"}}), HasSubstr("did you mean max_depth?"));
  EXPECT_THAT(message({{"n_estimators", "3"}}), HasSubstr("use model.rounds"));
  EXPECT_THAT(message({{"eta", ".1"}, {"learning_rate", ".2"}}), HasSubstr("set twice"));
  EXPECT_THAT(message({{"objective", "reg:squarederror"}}), HasSubstr("binary:logistic"));
  EXPECT_THAT(message({{"max_depth", "deep"}}), HasSubstr("max_depth"));
  EXPECT_THAT(message({{"subsample", "7"}}), HasSubstr("subsample"));
  // Known to XGBoost, but of no use to the chosen booster.
  EXPECT_THAT(message({{"rate_drop", "0.1"}}), HasSubstr("rate_drop"));
}

TEST(Train, NamesWhatIsWrongWithTheRows) {
  const auto message = [](const Customers& customers, const TrainSpec& spec) {
    auto result = train_on(customers, spec);
    return result ? std::string("accepted") : result.error().message;
  };
  Customers customers = make_customers(300);
  customers.labels.pop_back();
  EXPECT_THAT(message(customers, quick()), HasSubstr("299 labels, but 300 rows"));
  customers.labels.assign(300, 0);
  EXPECT_THAT(message(customers, quick()), HasSubstr("both classes"));
  customers.labels[0] = customers.labels[1] = 1;
  EXPECT_THAT(message(customers, quick()), HasSubstr("298 with label 0 and 2 with label 1"));
  customers.labels[0] = 2;
  EXPECT_THAT(message(customers, quick()), HasSubstr("the label of row 0 is 2"));
  customers = make_customers(300);
  customers.inputs.push_back({.name = "age", .type = data::ColumnType::kNumber});
  EXPECT_THAT(message(customers, quick()), HasSubstr("'age'"));
  customers = make_customers(300);
  TrainSpec spec = quick();
  spec.preset = "heavy";
  EXPECT_THAT(message(customers, spec), HasSubstr("accepted: auto, stumps, light"));
}

TEST(Train, StopsWhenItsObserverSaysSo) {
  const Customers customers = make_customers(600);
  for (const std::string phase :
       {"choosing a preset", "cross-validation, 3 folds", "fitting on all rows"}) {
    TrainSpec spec = quick();
    spec.preset = "auto";
    const auto result = train_on(
        customers, spec, [&](const TrainProgress& progress) { return progress.phase != phase; });
    ASSERT_FALSE(result.has_value()) << phase;
    EXPECT_EQ(result.error().code, core::ErrorCode::kCancelled) << phase;
  }
}

TEST(StratifiedFolds, KeepTheRateOfEachFold) {
  std::vector<std::uint8_t> labels(1003, 0);
  for (std::size_t i = 0; i < 101; ++i) labels[i * 9] = 1;
  const auto folds = stratified_folds(labels, 5, 42).value();
  std::vector<int> rows(5), positives(5);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++rows.at(folds[i]);
    positives.at(folds[i]) += labels[i];
  }
  for (int fold = 0; fold < 5; ++fold) {
    EXPECT_NEAR(rows[static_cast<std::size_t>(fold)], 200.6, 0.7);
    EXPECT_NEAR(positives[static_cast<std::size_t>(fold)], 20.2, 0.9);
  }
  EXPECT_EQ(stratified_folds(labels, 5, 42).value(), folds);
  EXPECT_NE(stratified_folds(labels, 5, 43).value(), folds);
  EXPECT_FALSE(stratified_folds(labels, 1, 42).has_value());
  EXPECT_FALSE(stratified_folds(labels, 200, 42).has_value());
}

TEST(XgboostBooster, IsCutAfterItsBestRound) {
  core::Random random(3);
  Matrix matrix{.rows = 400, .columns = 3, .values = {}};
  std::vector<std::uint8_t> labels;
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    for (int i = 0; i < 3; ++i) matrix.values.push_back(static_cast<float>(random.normal()));
    labels.push_back(random.bernoulli(matrix.row(row)[0] > 0 ? 0.7 : 0.3) ? 1 : 0);
  }
  const auto rows = XgboostMatrix::make(matrix, labels, 1).value();
  const BoostingPlan plan{
      .params = {{"max_depth", "6"}, {"eta", "0.5"}}, .rounds = 200, .early_stopping_rounds = 5};
  Matrix other = matrix;
  for (float& x : other.values) x = static_cast<float>(random.normal());
  const auto validation = XgboostMatrix::make(other, labels, 1).value();
  int done = 0;
  const auto booster = XgboostBooster::train(plan, rows, &validation, [&](int round, double loss) {
                         EXPECT_EQ(round, ++done);
                         EXPECT_GT(loss, 0);
                         return true;
                       }).value();
  EXPECT_LT(booster.rounds(), done);
  const std::vector<std::string> names = {"a", "b [x] < 1", "ç"};
  const std::string ubj = booster.to_ubj(names).value();
  const TreeModel trees = TreeModel::load(ubj).value();
  EXPECT_EQ(trees.tree_count(), static_cast<std::size_t>(booster.rounds()));
  EXPECT_EQ(trees.feature_names()[1], names[1]);
  const auto predicted = booster.predict(rows).value();
  for (std::size_t row = 0; row < matrix.rows; ++row)
    ASSERT_EQ(trees.output(trees.margin(matrix.row(row))), predicted[row]);
}

TEST(XgboostBooster, IsCutAfterAJudgedRoundWhenNotAllAreJudged) {
  core::Random random(4);
  Matrix matrix{.rows = 400, .columns = 1, .values = {}};
  std::vector<std::uint8_t> labels;
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    matrix.values.push_back(static_cast<float>(random.normal()));
    labels.push_back(random.bernoulli(matrix.values.back() > 0 ? 0.7 : 0.3) ? 1 : 0);
  }
  const auto rows = XgboostMatrix::make(matrix, labels, 1).value();
  BoostingPlan plan{.params = {{"eta", "0.3"}},
                    .rounds = 32,
                    .early_stopping_rounds = 40,
                    .evaluation_interval = 5};
  const auto train = [&] {
    std::set<double> losses;
    auto booster = XgboostBooster::train(plan, rows, &rows, [&](int, double loss) {
      if (!std::isnan(loss)) losses.insert(loss);
      return true;
    });
    return std::pair(std::move(booster), losses.size());
  };
  // The training rows themselves get better every round: the last one is judged too.
  auto [booster, looks] = train();
  EXPECT_EQ(booster.value().rounds(), 32);
  EXPECT_EQ(looks, 7U);
  plan.rounds = 3;
  EXPECT_EQ(train().first.value().rounds(), 3);
  plan.evaluation_interval = 0;
  EXPECT_FALSE(train().first.has_value());
}

}  // namespace
}  // namespace tenure::learn
