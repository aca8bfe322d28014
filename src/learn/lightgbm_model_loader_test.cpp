#include "learn/lightgbm_model_loader.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <rapidcheck.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "learn/lightgbm_test_data.h"
#include "learn/tree_model_test_data.h"

namespace tenure::learn {
namespace {

using testing::replaced;
using testing::small_lightgbm;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TreeModel load(const std::string& text) {
  auto model = TreeModel::load(text);
  if (!model) {
    ADD_FAILURE() << model.error().message;
    return TreeModel{};
  }
  return *std::move(model);
}

double raw_score(const TreeModel& model, const std::array<float, 4>& row) {
  double score = 0;
  model.margins(row, std::span(&score, 1));
  double walked = 0;
  model.walking().margins(row, std::span(&walked, 1));
  EXPECT_EQ(score, walked);
  return score;
}

TEST(LightgbmModel, GivesTheScoresAndLeavesOfLightgbm) {
  struct Vector {
    std::array<float, 4> row;
    double score;
    std::array<std::int32_t, 3> leaves;
  };
  const std::array<Vector, 8> kVectors{
      {{{5, 0.3F, 1, 0}, 0.27999999999999997, {1, 0, 1}},
       {{10.5F, kNaN, 3, -2}, 0.099999999999999992, {1, 0, 0}},
       {{kNaN, 0.1F, kNaN, kNaN}, -0.12, {0, 1, 1}},
       {{25, 0.5F, 2, -1.5F}, 0.17999999999999999, {2, 1, 1}},
       {{3, kNaN, 35, 1}, 0.38, {1, 0, 2}},
       {{20, -1, 0, -1.6F}, 0.29999999999999999, {2, 1, 0}},
       {{20, 0, 1.9F, 0}, 1.3877787807814457e-17, {3, 0, 0}},
       {{0, 1e-36F, -1, 1e-36F}, 1.3877787807814457e-17, {0, 1, 0}}}};
  const TreeModel model = load(small_lightgbm());
  EXPECT_TRUE(model.is_float64());
  EXPECT_EQ(model.feature_names()[2], "plan");
  for (const Vector& vector : kVectors) {
    const std::size_t number = static_cast<std::size_t>(&vector - kVectors.data());
    std::array<std::int32_t, 3> leaves{};
    model.leaves(vector.row, leaves);
    if (number == 0) {
      // The vector was made with the float64 number 0.3, which is below this float32.
      EXPECT_EQ(leaves, vector.leaves);
      continue;
    }
    EXPECT_EQ(leaves, vector.leaves) << "row " << number;
    EXPECT_EQ(raw_score(model, vector.row), vector.score) << "row " << number;
  }
}

TEST(LightgbmModel, RoundsMarginAndProbabilityOnce) {
  const TreeModel model = load(small_lightgbm());
  const std::array<float, 4> row{3, kNaN, 35, 1};
  const auto score = model.score(row);
  EXPECT_EQ(score.margin, static_cast<float>(0.38));
  EXPECT_EQ(score.output, static_cast<float>(1 / (1 + std::exp(-0.38))));
  EXPECT_EQ(model.margin(row), score.margin);
}

TEST(LightgbmModel, KeepsCountsAsCovers) {
  const TreeModel model = load(small_lightgbm());
  ASSERT_TRUE(model.has_covers());
  const TreeView tree = model.tree(1);
  EXPECT_EQ(tree.node(0).cover, 100);
  // What is in the set goes left in LightGBM and right here.
  EXPECT_EQ(tree.node(tree.node(0).right).cover, 30);
  EXPECT_EQ(tree.node(tree.node(0).right).leaf_value, 0.25);
  EXPECT_EQ(model.gain_importance(), (std::vector<double>{3, 3, 1, 2}));
  std::string bare = replaced(small_lightgbm(), "internal_count=100 60\n", "");
  EXPECT_FALSE(load(bare).has_covers());
}

TEST(LightgbmModel, CutsFractionsOfCategoriesOff) {
  const TreeModel model =
      load(replaced(small_lightgbm(), "cat_threshold=10 8", "cat_threshold=11 8"));
  const auto goes_right = [&](float code) { return model.tree(1).goes_right(0, code); };
  EXPECT_TRUE(goes_right(-0.5F));
  EXPECT_TRUE(goes_right(0.9F));
  EXPECT_TRUE(goes_right(35.5F));
  for (const float code : {-1.0F, 2.0F, 36.0F, 3e9F, kInfinity, -kInfinity, kNaN}) {
    EXPECT_FALSE(goes_right(code)) << code;
  }
}

TEST(LightgbmModel, DividesTheSumOfAForestForOutputsButNotForMargins) {
  const TreeModel model = load(replaced(small_lightgbm(), "feature_infos", "average_output\nx"));
  const std::array<float, 4> row{3, kNaN, 35, 1};
  EXPECT_EQ(raw_score(model, row), 0.38);
  const double expected = 1 / (1 + std::exp(-0.38 / 3));
  EXPECT_EQ(model.score(row).margin, static_cast<float>(0.38));
  EXPECT_EQ(model.score(row).output, static_cast<float>(expected));
  const double margin = 0.38;
  double output = 0;
  model.outputs(std::span(&margin, 1), std::span(&output, 1));
  EXPECT_EQ(output, expected);
}

TEST(LightgbmModel, SendsEveryNumberLeftOfAnInfiniteThreshold) {
  const TreeModel model = load(replaced(small_lightgbm(), "threshold=10.5 ", "threshold=inf "));
  for (const float x : {-kInfinity, 0.0F, 1e30F, kInfinity}) {
    EXPECT_FALSE(model.tree(0).goes_right(0, x)) << x;
  }
}

TEST(LightgbmModel, ReadsATreeOfOneLeaf) {
  const std::string one =
      "tree\nversion=v3\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\n"
      "objective=regression\nfeature_names=x\n\nTree=0\nnum_leaves=1\nnum_cat=0\nsplit_feature=\n"
      "threshold=\nleaf_value=1.5\nshrinkage=1\n\nend of trees\n";
  const TreeModel model = load(one);
  EXPECT_EQ(model.margin(std::array{kNaN}), 1.5F);
}

/// x <= t in float64 against the split we make of it, for any t and the floats around it.
RC_GTEST_PROP(LightgbmModel, DecidesEveryFloatAsTheFloat64ThresholdDoes, ()) {
  const auto base = std::bit_cast<float>(*rc::gen::arbitrary<std::uint32_t>());
  RC_PRE(std::isfinite(base));
  double threshold = static_cast<double>(base);
  const int nudge = *rc::gen::inRange(-1, 2);
  if (nudge != 0) threshold = std::nextafter(threshold, nudge * 1e308);
  const TreeModel model = load(
      replaced(small_lightgbm(), "threshold=10.5 ", fmt::format("threshold={:.17g} ", threshold)));
  for (float x : {base, std::nextafter(base, kInfinity), std::nextafter(base, -kInfinity), 0.0F,
                  -0.0F, 1e-35F, -1e-35F, 2e-35F, kInfinity, -kInfinity}) {
    const double seen = std::abs(x) <= 1e-35F ? 0.0 : static_cast<double>(x);
    RC_ASSERT(model.tree(0).goes_right(0, x) == !(seen <= threshold));
  }
}

struct BadText {
  const char* name;
  const char* from;
  const char* to;
  core::ErrorCode code;
  const char* message;
};

class LightgbmModelRefuses : public ::testing::TestWithParam<BadText> {};

TEST_P(LightgbmModelRefuses, TheTextAndSaysWhy) {
  const BadText& bad = GetParam();
  const auto model = TreeModel::load(replaced(small_lightgbm(), bad.from, bad.to));
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, bad.code) << model.error().message;
  EXPECT_NE(model.error().message.find(bad.message), std::string::npos) << model.error().message;
}

constexpr auto kCorrupt = core::ErrorCode::kCorruption;
constexpr auto kUnimplemented = core::ErrorCode::kUnimplemented;
INSTANTIATE_TEST_SUITE_P(
    Texts, LightgbmModelRefuses,
    ::testing::Values(
        BadText{"Version", "version=v4", "version=v9", kUnimplemented, "version \"v9\""},
        BadText{"LinearLeaves", "is_linear=0", "is_linear=1", kUnimplemented, "linear_tree"},
        BadText{"Objective", "objective=binary", "objective=magic", kUnimplemented, "magic"},
        BadText{"Sigmoid", "sigmoid:1", "sigmoid:-1", kCorrupt, "sigmoid"},
        BadText{"MissingType", "decision_type=10 8 4", "decision_type=14 8 4", kUnimplemented,
                "missing type 3"},
        BadText{"DecisionType", "decision_type=10 8 4", "decision_type=99 8 4", kCorrupt,
                "decision type 99"},
        BadText{"Cycle", "left_child=1 -1 -3", "left_child=0 -1 -3", kCorrupt, "child 0"},
        BadText{"LeafTwice", "left_child=1 -1 -3", "left_child=1 -2 -3", kCorrupt, "reached twice"},
        BadText{"ChildOutOfRange", "left_child=1 -1 -3", "left_child=9 -1 -3", kCorrupt,
                "child -2"},
        BadText{"LeafOutOfRange", "left_child=1 -1 -3", "left_child=1 -9 -3", kCorrupt, "child -2"},
        BadText{"Feature", "split_feature=0 1 3", "split_feature=0 4 3", kCorrupt,
                "feature 4 of 4"},
        BadText{"Count", "num_leaves=4", "num_leaves=5", kCorrupt, "leaf_value has 4 numbers"},
        BadText{"HugeCount", "num_leaves=4", "num_leaves=999999999999", kCorrupt, "num_leaves is"},
        BadText{"TooManyValues", "leaf_value=0.1 ", "leaf_value=0.1 7 ", kCorrupt, "over 4"},
        BadText{"NotANumber", "leaf_value=0.1 ", "leaf_value=zero ", kCorrupt, "\"zero\""},
        BadText{"LeafNaN", "leaf_value=0.1 ", "leaf_value=nan ", kCorrupt, "not finite"},
        BadText{"ThresholdNaN", "threshold=10.5 ", "threshold=nan ", kCorrupt, "threshold"},
        BadText{"NoThreshold", "threshold=10.5", "xthreshold=10.5", kCorrupt,
                "\"threshold\" is missing"},
        BadText{"NoFeature", "split_feature=0 1 3", "nothing=0 1 3", kCorrupt,
                "\"split_feature\" is missing"},
        BadText{"NoDecisionType", "decision_type=10 8 4", "nothing=10 8 4", kCorrupt,
                "\"decision_type\" is missing"},
        BadText{"NoChildren", "left_child=1 -1 -3", "nothing=1 -1 -3", kCorrupt,
                "\"left_child\" is missing"},
        BadText{"EmptyChildren", "right_child=2 -2 -4", "right_child=", kCorrupt,
                "right_child has 0 numbers"},
        BadText{"Set", "threshold=0\n", "threshold=1\n", kCorrupt, "category set 1 of 1"},
        BadText{"NegativeSet", "threshold=0\n", "threshold=-1\n", kCorrupt, "category set -1"},
        BadText{"Boundaries", "cat_boundaries=0 2", "cat_boundaries=0 3", kCorrupt,
                "cat_threshold has 2"},
        BadText{"BoundariesBack", "cat_boundaries=0 2", "cat_boundaries=2 0", kCorrupt,
                "do not divide"},
        BadText{"Order", "Tree=1", "Tree=2", kCorrupt, "tree 1 should be"},
        BadText{"Names", "feature_names=tenure ", "feature_names=", kCorrupt,
                "3 feature names for 4"},
        BadText{"Iterations", "num_tree_per_iteration=1", "num_tree_per_iteration=2", kCorrupt,
                "whole number of iterations"},
        BadText{"Features", "max_feature_idx=3", "max_feature_idx=99999999", kCorrupt,
                "max_feature_idx"},
        BadText{"End", "end of trees", "end of", kCorrupt, "end of trees"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(LightgbmModel, SurvivesTruncationAndFlippedBits) {
  const std::string original = small_lightgbm();
  const auto load_and_score = [](const std::string& text) {
    const auto model = TreeModel::load(text);
    if (!model) return;
    const std::vector<float> row(model->feature_count(), 1.0F);
    std::vector<float> margins(model->group_count());
    model->margins(row, margins);
  };
  for (std::size_t length = 0; length + 14 < original.size(); ++length) {
    EXPECT_FALSE(TreeModel::load(original.substr(0, length)).has_value()) << length;
  }
  std::string text = original;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      text[i] = static_cast<char>(original[i] ^ (1 << bit));
      load_and_score(text);
    }
    text[i] = original[i];
  }
}

}  // namespace
}  // namespace tenure::learn
