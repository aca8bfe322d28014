#include "learn/tree_shap.h"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "learn/expected_leaf_test_data.h"
#include "learn/random_trees_test_data.h"
#include "learn/tree_model_test_data.h"
#include "learn/xgboost_trainer.h"

namespace tenure::learn {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

std::vector<double> explain_at(const TreeModel& model, const std::vector<float>& row,
                               CpuLevel level) {
  const auto shap = TreeShap::make(model, level);
  EXPECT_TRUE(shap.has_value());
  TreeShap::Scratch scratch;
  std::vector<double> out(model.group_count() * (row.size() + 1));
  shap->contributions(model, row, scratch, out);
  return out;
}

/// In every form that this machine can run; the forms agree up to the rounding of float32 sums.
std::vector<double> explain(const TreeModel& model, const std::vector<float>& row) {
  const std::vector<double> values = explain_at(model, row, CpuLevel::kPortable);
  for (const CpuLevel level : cpu_levels()) {
    EXPECT_THAT(explain_at(model, row, level),
                ::testing::Pointwise(::testing::DoubleNear(3e-6), values));
  }
  return explain_at(model, row, cpu_levels().back());
}

/// Shapley values by their formula, over all subsets of features.
std::vector<double> by_subsets(const TreeModel& model, const std::vector<float>& row) {
  const std::size_t n = row.size();
  std::vector<double> worth(std::size_t{1} << n, 0);
  for (std::uint32_t known = 0; known < worth.size(); ++known)
    for (std::size_t tree = 0; tree < model.tree_count(); ++tree)
      worth[known] += expected_leaf(model.tree(tree), 0, row, known);
  std::vector<double> values(n + 1, 0);
  for (std::uint32_t known = 0; known < worth.size(); ++known) {
    const auto size = static_cast<double>(std::popcount(known));
    for (std::uint32_t i = 0; i < n; ++i) {
      if ((known >> i & 1U) != 0) continue;
      const double weight =
          std::exp(std::lgamma(size + 1) + std::lgamma(static_cast<double>(n) - size) -
                   std::lgamma(static_cast<double>(n) + 1));
      values[i] += weight * (worth[known | 1U << i] - worth[known]);
    }
  }
  values[n] = worth[0] + static_cast<double>(model.base_margin(0));
  return values;
}

/// A model trained on noise and a signal, deep enough that paths ask for a feature again.
TreeModel trained(std::size_t features, int depth, int rounds,
                  std::vector<std::vector<float>>& rows) {
  core::Random random(7);
  Matrix matrix;
  matrix.rows = 400;
  matrix.columns = features;
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    std::vector<float> row;
    for (std::size_t j = 0; j < features; ++j)
      row.push_back(random.uniform() < 0.1 ? kMissing : static_cast<float>(random.uniform()));
    const float first = std::isnan(row[0]) ? 0.5F : row[0],
                second = std::isnan(row[1]) ? 0 : row[1];
    labels.push_back(first * second + 0.3 * random.uniform() > 0.4 ? 1 : 0);
    matrix.values.insert(matrix.values.end(), row.begin(), row.end());
    rows.push_back(std::move(row));
  }
  const auto data = XgboostMatrix::make(matrix, labels, 1);
  const BoostingPlan plan{
      .params = {{"max_depth", std::to_string(depth)}, {"min_child_weight", "0.1"}},
      .rounds = rounds};
  const auto booster = XgboostBooster::train(plan, *data, nullptr);
  std::vector<std::string> names;
  for (std::size_t j = 0; j < features; ++j) names.push_back("f" + std::to_string(j));
  return TreeModel::load(booster->to_ubj(names).value()).value();
}

TEST(TreeShap, GivesTheValuesOfLibxgboost) {
  const TreeModel model = TreeModel::load(testing::kSmallModel).value();
  const struct {
    std::vector<float> row;
    std::vector<double> values;
  } cases[] = {
      {{5, 0.3F, 1, 0}, {-0.260800004, -0.100000001, 0.280000001, -0.0378000066, -0.701519251}},
      {{10.5, kMissing, 3, -2},
       {0.213700011, -0.0375000052, 0.280000001, 0.0252000019, -0.701519251}},
      {{kMissing, 0.1F, kMissing, kMissing},
       {-0.271800041, 0.139999986, 0.280000001, -0.22680001, -0.701519251}},
      {{20, -1, 0, -1.6F}, {0.367699981, 0.0524999984, -0.120000005, 0.151200011, -0.701519251}},
  };
  for (const auto& [row, values] : cases)
    EXPECT_THAT(explain(model, row), ::testing::Pointwise(::testing::DoubleNear(2e-7), values));
}

TEST(TreeShap, EqualsTheSumOverAllSubsets) {
  for (const int depth : {1, 3, 6, 9}) {
    std::vector<std::vector<float>> rows;
    const TreeModel model = trained(7, depth, 12, rows);
    for (std::size_t i = 0; i < 25; ++i)
      EXPECT_THAT(explain(model, rows[i]),
                  ::testing::Pointwise(::testing::DoubleNear(2e-6), by_subsets(model, rows[i])));
  }
}

TEST(TreeShap, AddsUpToTheMargin) {
  for (const std::size_t features : {3U, 12U, 40U}) {
    std::vector<std::vector<float>> rows;
    const TreeModel model = trained(features, 8, 60, rows);
    for (const std::vector<float>& row : rows) {
      const std::vector<double> values = explain(model, row);
      ASSERT_NEAR(std::accumulate(values.begin(), values.end(), 0.0),
                  static_cast<double>(model.margin(row)), 1e-5);
    }
  }
}

TEST(TreeShap, GivesAFeatureThatIsNeverAskedForExactlyNothing) {
  std::vector<std::vector<float>> rows;
  const TreeModel model = trained(40, 2, 3, rows);
  const std::vector<double> gain = model.gain_importance();
  const std::vector<double> values = explain(model, rows.front());
  std::size_t unused = 0;
  for (std::size_t j = 0; j < gain.size(); ++j) {
    if (gain[j] != 0) continue;
    EXPECT_EQ(values[j], 0.0);
    ++unused;
  }
  EXPECT_GT(unused, 0U);
}

TEST(TreeShap, KeepsClassesApartAndWeighsDartTrees) {
  const TreeModel classes = TreeModel::load(testing::small_multiclass()).value();
  const std::vector<float> row{5, 0.3F, 1, 0};
  const std::vector<double> values = explain(classes, row);
  std::vector<float> margins(3);
  classes.margins(row, margins);
  for (std::size_t group = 0; group < 3; ++group)
    EXPECT_NEAR(std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(group * 5),
                                values.begin() + static_cast<std::ptrdiff_t>(group * 5 + 5), 0.0),
                static_cast<double>(margins[group]), 1e-6);
  const TreeModel dart = TreeModel::load(testing::small_dart()).value();
  const std::vector<double> weighted = explain(dart, row);
  EXPECT_NEAR(std::accumulate(weighted.begin(), weighted.end(), 0.0),
              static_cast<double>(dart.margin(row)), 1e-6);
}

TEST(TreeShap, HandlesNodesThatNoTrainingRowReached) {
  std::string text = testing::kSmallModel;
  text = testing::replaced(text, "\"sum_hessian\":[100.0,60.0,40.0,25.0,35.0]",
                           "\"sum_hessian\":[100.0,0.0,100.0,0.0,0.0]");
  const TreeModel model = TreeModel::load(text).value();
  const std::vector<float> row{5, 0.3F, 1, 0};
  const std::vector<double> values = explain(model, row);
  for (const double value : values) EXPECT_TRUE(std::isfinite(value));
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0),
              static_cast<double>(model.margin(row)), 1e-5);
}

TEST(TreeShap, RefusesAModelWithoutCovers) {
  std::string text = testing::kSmallModel;
  for (std::size_t at; (at = text.find(",\"sum_hessian\":[")) != std::string::npos;)
    text.erase(at, text.find(']', at) + 1 - at);
  const auto shap = TreeShap::make(TreeModel::load(text).value());
  ASSERT_FALSE(shap.has_value());
  EXPECT_EQ(shap.error().code, core::ErrorCode::kUnimplemented);
}

TEST(TreeShap, AgreesInEveryFormForModelsOfAllKinds) {
  using testing::RandomTrees;
  const RandomTrees kinds[] = {{.depth_max = 0},
                               {.depth_max = 3, .early_leaf = 0.3},
                               {.features = 70, .trees = 90},
                               {.categorical = 0.5},
                               {.groups = 3, .depth_max = 5},
                               {.is_dart = true},
                               {.zero_missing = 0.5, .is_float64 = true},
                               {.features = 12, .depth_max = 9, .early_leaf = 0.4}};
  for (std::size_t kind = 0; kind < std::size(kinds); ++kind) {
    const TreeModel model = testing::random_model(kinds[kind], 30 + kind);
    const std::size_t width = model.feature_count();
    const std::vector<float> values = testing::random_rows(kinds[kind], 20, 60 + kind);
    for (std::size_t i = 0; i < 20; ++i) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * width);
      const std::vector<float> row(first, first + static_cast<std::ptrdiff_t>(width));
      const std::vector<double> parts = explain(model, row);
      std::vector<float> margins(model.group_count());
      model.margins(row, margins);
      for (std::size_t group = 0; group < margins.size(); ++group) {
        const auto begin = parts.begin() + static_cast<std::ptrdiff_t>(group * (width + 1));
        EXPECT_NEAR(std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(width + 1), 0.0),
                    static_cast<double>(margins[group]), 3e-5)
            << "kind " << kind << ", row " << i;
      }
    }
  }
}

TEST(TreeShap, GivesWeightTimesValueForALinearModel) {
  const TreeModel model =
      TreeModel::load(
          R"({"learner":{"gradient_booster":{"name":"gblinear","model":{"weights":[2,-1,0.25]}},)"
          R"("learner_model_param":{"base_score":"0.5","num_feature":"2","num_class":"0"},)"
          R"("objective":{"name":"reg:squarederror"}}})")
          .value();
  EXPECT_EQ(explain(model, {3, 4}), (std::vector<double>{6, -4, 0.75}));
  EXPECT_EQ(explain(model, {kMissing, 4}), (std::vector<double>{0, -4, 0.75}));
  EXPECT_EQ(model.margin(std::vector<float>{3, 4}), 2.75F);
}

}  // namespace
}  // namespace tenure::learn
