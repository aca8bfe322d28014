// The fast form of a model against the walk over its nodes: the same bits, at every level that this
// machine can run.

#include "learn/fast_evaluator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <rapidcheck.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "learn/random_trees_test_data.h"

namespace tenure::learn {
namespace {

using testing::random_model;
using testing::random_rows;
using testing::RandomTrees;

constexpr std::size_t kRows = 150;  // two blocks of 64 and a rest

template <typename Sum>
std::vector<Sum> together(const TreeModel& model, const std::vector<float>& values) {
  std::vector<Sum> out(kRows * model.group_count());
  model.margins_of_rows(values, std::span<Sum>(out));
  return out;
}

template <typename Sum>
std::vector<Sum> one_by_one(const TreeModel& model, const std::vector<float>& values) {
  std::vector<Sum> out(kRows * model.group_count());
  for (std::size_t row = 0; row < kRows; ++row) {
    model.margins(std::span(values).subspan(row * model.feature_count(), model.feature_count()),
                  std::span<Sum>(out).subspan(row * model.group_count(), model.group_count()));
  }
  return out;
}

template <typename Sum>
bool has_same_bits(const std::vector<Sum>& a, const std::vector<Sum>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Sum)) == 0;
}

template <typename Sum>
::testing::AssertionResult agrees(const TreeModel& walk, const TreeModel& fast,
                                  const std::vector<float>& values) {
  const std::vector<Sum> expected = one_by_one<Sum>(walk, values);
  if (!has_same_bits(together<Sum>(walk, values), expected)) {
    return ::testing::AssertionFailure() << "the walk in a batch differs from the walk of one row";
  }
  if (!has_same_bits(one_by_one<Sum>(fast, values), expected)) {
    return ::testing::AssertionFailure() << fast.evaluator_name() << ", one by one";
  }
  if (!has_same_bits(together<Sum>(fast, values), expected)) {
    return ::testing::AssertionFailure() << fast.evaluator_name() << ", together";
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult agrees_at_all_levels(const RandomTrees& wish, std::uint64_t seed) {
  const TreeModel walk = random_model(wish, seed);
  const std::vector<float> values = random_rows(wish, kRows, seed + 1);
  for (const CpuLevel level : cpu_levels()) {
    const auto fast = walk.at_level(level);
    if (!fast) return ::testing::AssertionFailure() << fast.error().message;
    auto result =
        wish.is_float64 ? agrees<double>(walk, *fast, values) : agrees<float>(walk, *fast, values);
    if (!result) return result << ", seed " << seed;
  }
  return ::testing::AssertionSuccess();
}

TEST(FastEvaluator, RunsEveryLevelOfThisProcessor) {
  const auto levels = cpu_levels();
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.front(), CpuLevel::kPortable);
  EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
  EXPECT_EQ(random_model({}, 1).at_level(CpuLevel::kPortable)->evaluator_name(),
            "decision mask, portable");
}

TEST(FastEvaluator, AgreesForTreesOfEveryDepth) {
  for (int depth = 0; depth <= 14; ++depth) {
    for (const std::size_t trees : {std::size_t{1}, std::size_t{7}, std::size_t{70}}) {
      const RandomTrees wish{.trees = depth > 9 ? trees / 7 + 1 : trees, .depth_max = depth};
      EXPECT_TRUE(agrees_at_all_levels(wish, 10 + static_cast<std::uint64_t>(depth)))
          << depth << " levels, " << trees << " trees";
    }
  }
}

TEST(FastEvaluator, AgreesForLongThinTrees) {
  EXPECT_TRUE(agrees_at_all_levels({.trees = 12, .depth_max = 40, .early_leaf = 0.49}, 3));
}

TEST(FastEvaluator, AgreesForMoreFeaturesThanAPageHas) {
  EXPECT_TRUE(agrees_at_all_levels({.features = 65, .trees = 40}, 4));
  EXPECT_TRUE(agrees_at_all_levels({.features = 300, .trees = 60}, 5));
  EXPECT_TRUE(agrees_at_all_levels({.features = 300, .trees = 20, .depth_max = 9}, 6));
}

TEST(FastEvaluator, AgreesForMoreThresholdsThanAByteCounts) {
  EXPECT_TRUE(
      agrees_at_all_levels({.features = 2, .trees = 60, .early_leaf = 0, .thresholds = 3000}, 7));
}

TEST(FastEvaluator, AgreesForCategoriesGroupsWeightsAndZeros) {
  EXPECT_TRUE(agrees_at_all_levels({.features = 8, .categorical = 0.5}, 8));
  EXPECT_TRUE(agrees_at_all_levels({.groups = 3, .depth_max = 4}, 9));
  EXPECT_TRUE(agrees_at_all_levels({.is_dart = true}, 10));
  EXPECT_TRUE(agrees_at_all_levels({.zero_missing = 0.5}, 11));
  EXPECT_TRUE(agrees_at_all_levels({.zero_missing = 0.5, .is_float64 = true}, 12));
}

RC_GTEST_PROP(FastEvaluator, AgreesForRandomModels, ()) {
  RandomTrees wish;
  wish.features = *rc::gen::inRange<std::size_t>(1, 90);
  wish.trees = *rc::gen::inRange<std::size_t>(1, 40);
  wish.groups = *rc::gen::element<std::size_t>(1, 1, 2, 5);
  wish.depth_max = *rc::gen::inRange(1, 13);
  if (wish.depth_max > 8) wish.trees = wish.trees / 8 + 1;
  wish.early_leaf = *rc::gen::element(0.0, 0.1, 0.4);
  wish.categorical = *rc::gen::element(0.0, 0.0, 0.2);
  wish.zero_missing = *rc::gen::element(0.0, 0.3);
  wish.thresholds = *rc::gen::element<std::uint64_t>(1, 10, 100, 1000);
  wish.is_float64 = *rc::gen::arbitrary<bool>();
  wish.is_dart = !wish.is_float64 && *rc::gen::arbitrary<bool>();
  const auto seed = *rc::gen::arbitrary<std::uint32_t>();
  const auto result = agrees_at_all_levels(wish, seed);
  // More slots than the tables have is no failure: such models are walked.
  if (std::string(result.message()).find("distinct features") != std::string::npos) RC_DISCARD();
  RC_ASSERT(static_cast<bool>(result));
}

TEST(FastEvaluator, IsRefusedForTooManyDistinctSplits) {
  const TreeModel model = random_model({.features = 700, .trees = 100, .early_leaf = 0}, 13);
  const auto fast = model.at_level(CpuLevel::kPortable);
  ASSERT_FALSE(fast.has_value());
  EXPECT_EQ(fast.error().code, core::ErrorCode::kUnimplemented);
  EXPECT_NE(fast.error().message.find("more than 512"), std::string::npos) << fast.error().message;
}

TEST(FastEvaluator, FindsAnyWrongTableWhenItIsCompared) {
  const TreeModel model = random_model({.trees = 30, .depth_max = 4}, 14);
  const auto right = compile_decision_mask(model);
  ASSERT_TRUE(right.has_value());
  const auto check = [&](const DecisionMask& mask, CpuLevel level) {
    return FastEvaluator(mask, mask_kernels(level), 1).check(model);
  };
  for (const CpuLevel level : cpu_levels()) {
    EXPECT_TRUE(check(*right, level).has_value());
    DecisionMask wrong = *right;
    wrong.leaves[0] += 1;
    const auto found = check(wrong, level);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, core::ErrorCode::kInternal);
    wrong = *right;
    for (float& threshold : wrong.thresholds[0].value) threshold = std::nextafter(threshold, 99.0F);
    EXPECT_FALSE(check(wrong, level).has_value());
    wrong = *right;
    for (auto& block : wrong.blocks) block.byte[1] ^= 64;  // the other side for missing values
    for (auto& heap : wrong.heaps) heap.address[1] ^= 64;
    EXPECT_FALSE(check(wrong, level).has_value());
  }
}

}  // namespace
}  // namespace tenure::learn
