#include "learn/shap_interactions.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/expected_leaf_test_data.h"
#include "learn/tree_model_test_data.h"
#include "learn/xgboost_oracle_test_data.h"

namespace tenure::learn {
namespace {

using testing::OracleBooster;
using testing::OracleData;
using testing::OracleMatrix;

std::vector<double> interactions(const TreeModel& model, std::span<const float> row) {
  const auto shap = ShapInteractions::make(model);
  EXPECT_TRUE(shap.has_value());
  ShapInteractions::Scratch scratch;
  std::vector<double> out(model.group_count() * (row.size() + 1) * (row.size() + 1));
  shap->values(model, row, scratch, out);
  return out;
}

std::vector<double> contributions(const TreeModel& model, std::span<const float> row) {
  const auto shap = TreeShap::make(model);
  TreeShap::Scratch scratch;
  std::vector<double> out(model.group_count() * (row.size() + 1));
  shap->contributions(model, row, scratch, out);
  return out;
}

/// Half of the Shapley interaction index of a pair, by its formula over all subsets of the others.
double by_subsets(const TreeModel& model, std::span<const float> row, std::uint32_t i,
                  std::uint32_t j) {
  const auto n = static_cast<double>(row.size());
  double sum = 0;
  for (std::uint32_t known = 0; known < (1U << row.size()); ++known) {
    if ((known >> i & 1U) != 0 || (known >> j & 1U) != 0) continue;
    const auto size = static_cast<double>(std::popcount(known));
    const double weight =
        std::exp(std::lgamma(size + 1) + std::lgamma(n - size - 1) - std::lgamma(n));
    const std::uint32_t a = 1U << i, b = 1U << j;
    for (std::size_t t = 0; t < model.tree_count(); ++t) {
      const TreeView tree = model.tree(t);
      sum += weight *
             (expected_leaf(tree, 0, row, known | a | b) - expected_leaf(tree, 0, row, known | a) -
              expected_leaf(tree, 0, row, known | b) + expected_leaf(tree, 0, row, known));
    }
  }
  return sum / 2;
}

struct Trained {
  OracleData data;
  std::vector<float> interactions;
  TreeModel model;
};

/// A booster and what libxgboost itself says about its training rows.
Trained trained(std::size_t columns, std::map<std::string, std::string> params, int rounds) {
  OracleData data = testing::random_data(11, 200, columns, 0.15, false);
  const auto classes = params.find("num_class");
  for (std::size_t i = 0; i < data.rows; ++i) {
    double signal = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      const float value = data.values[i * columns + j];
      if (!std::isnan(value)) signal += std::sin(static_cast<double>(value) * double(j + 1));
    }
    const int count = classes == params.end() ? 2 : std::stoi(classes->second);
    data.labels.push_back(static_cast<float>(static_cast<int>(std::abs(signal) * 3) % count));
  }
  const OracleMatrix matrix(data);
  OracleBooster booster(matrix);
  params["min_child_weight"] = "0.1";
  booster.train(params, matrix, rounds);
  constexpr int kInteractions = 4;
  std::vector<float> theirs = booster.predict(matrix, kInteractions);
  return {std::move(data), std::move(theirs), TreeModel::load(booster.save("ubj")).value()};
}

TEST(ShapInteractions, GivesTheWorkedExample) {
  const TreeModel model = TreeModel::load(testing::kSmallModel).value();
  const std::vector<float> row = {5, 0.3F, 1, 0};
  std::vector<double> expected(25, 0);
  expected[0] = -0.273600012;
  expected[1] = expected[5] = -0.0249999985;
  expected[3] = expected[15] = 0.0378;
  expected[6] = -0.075;
  expected[12] = 0.28;
  expected[18] = -0.0756000206;
  expected[24] = -0.701519251;
  EXPECT_THAT(interactions(model, row),
              ::testing::Pointwise(::testing::DoubleNear(2e-7), expected));
}

TEST(ShapInteractions, EqualTheSumOverAllSubsets) {
  for (const char* depth : {"2", "5", "9"}) {
    const Trained world = trained(7, {{"objective", "binary:logistic"}, {"max_depth", depth}}, 6);
    for (std::size_t i = 0; i < 8; ++i) {
      const auto row = std::span(world.data.values).subspan(i * 7, 7);
      const auto values = interactions(world.model, row);
      for (std::uint32_t a = 0; a < 7; ++a)
        for (std::uint32_t b = 0; b < 7; ++b)
          ASSERT_NEAR(a == b ? 0 : values[a * 8 + b],
                      a == b ? 0 : by_subsets(world.model, row, a, b), 1e-9);
    }
  }
}

TEST(ShapInteractions, AreThoseOfLibxgboost) {
  const std::map<std::string, std::string> cases[] = {
      {{"objective", "binary:logistic"}, {"max_depth", "3"}},
      {{"objective", "binary:logistic"}, {"max_depth", "8"}, {"base_score", "0.31"}},
      {{"objective", "reg:squarederror"}, {"max_depth", "5"}},
      {{"objective", "multi:softprob"}, {"num_class", "3"}, {"max_depth", "4"}},
      {{"objective", "binary:logistic"}, {"booster", "dart"}, {"rate_drop", "0.3"}}};
  for (const auto& params : cases) {
    SCOPED_TRACE(params.at("objective"));
    const std::size_t columns = 9;
    const Trained world = trained(columns, params, 20);
    const std::size_t cells = world.model.group_count() * (columns + 1) * (columns + 1);
    ASSERT_EQ(world.interactions.size(), world.data.rows * cells);
    for (std::size_t i = 0; i < world.data.rows; ++i) {
      const auto row = std::span(world.data.values).subspan(i * columns, columns);
      const auto ours = interactions(world.model, row);
      for (std::size_t k = 0; k < cells; ++k)
        ASSERT_NEAR(ours[k], static_cast<double>(world.interactions[i * cells + k]), 2e-5)
            << "row " << i << ", cell " << k;
    }
  }
}

TEST(ShapInteractions, AreSymmetricAndAddUpToTheShapleyValues) {
  for (const std::size_t columns : {1U, 3U, 30U}) {
    const Trained world =
        trained(columns, {{"objective", "binary:logistic"}, {"max_depth", "7"}}, 25);
    for (std::size_t i = 0; i < 40; ++i) {
      const auto row = std::span(world.data.values).subspan(i * columns, columns);
      const auto values = interactions(world.model, row);
      const auto whole = contributions(world.model, row);
      for (std::size_t a = 0; a <= columns; ++a) {
        double sum = 0;
        for (std::size_t b = 0; b <= columns; ++b) {
          sum += values[a * (columns + 1) + b];
          ASSERT_EQ(values[a * (columns + 1) + b], values[b * (columns + 1) + a]);
        }
        ASSERT_NEAR(sum, whole[a], 1e-12);
      }
    }
  }
}

TEST(ShapInteractions, OfStumpsAreNone) {
  const Trained world = trained(6, {{"objective", "binary:logistic"}, {"max_depth", "1"}}, 30);
  const auto row = std::span(world.data.values).first(6);
  const auto values = interactions(world.model, row);
  for (std::size_t a = 0; a < 7; ++a)
    for (std::size_t b = 0; b < 7; ++b) EXPECT_EQ(a == b ? 0 : values[a * 7 + b], 0);
}

}  // namespace
}  // namespace tenure::learn
