#include "learn/tree_model.h"

#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "learn/tree_model_test_data.h"

namespace tenure::learn {
namespace {

using testing::kSmallModel;
using testing::replaced;
using testing::small_dart;
using testing::small_multiclass;
using testing::to_ubjson;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

constexpr std::array<std::array<float, 4>, 7> kRows{{{5, 0.3F, 1, 0},
                                                     {10.5F, kNaN, 3, -2},
                                                     {kNaN, 0.1F, kNaN, kNaN},
                                                     {25, 0.5F, 2, -1.5F},
                                                     {3, kNaN, 35, 1},
                                                     {4.9999F, 0.29999998F, 100, kNaN},
                                                     {20, -1, 0, -1.6F}}};
constexpr std::array<std::uint32_t, 7> kMarginBits{0xbf51f357, 0xbe6166f2, 0xbf47b5e6, 0xbf614f80,
                                                   0xbf333b05, 0xbf4cd49d, 0xbe800fa2};
constexpr std::array<float, 7> kProbabilities{0.30573833F,  0.445191294F, 0.314294189F,
                                              0.293153048F, 0.331785768F, 0.310000032F,
                                              0.437794119F};

TreeModel load_both(const std::string& json, bool is_binary) {
  const std::string bytes = is_binary ? to_ubjson(json) : json;
  auto model = TreeModel::load(bytes);
  if (!model) {
    ADD_FAILURE() << model.error().message;
    return TreeModel{};
  }
  return *std::move(model);
}

/// Each vector holds for the JSON and the UBJSON form of a model.
class TreeModelVectors : public ::testing::TestWithParam<bool> {
 protected:
  TreeModel load(const std::string& json) const { return load_both(json, GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Syntax, TreeModelVectors, ::testing::Values(false, true),
                         [](const auto& parameter) {
                           return std::string(parameter.param ? "Ubjson" : "Json");
                         });

TEST_P(TreeModelVectors, DescribesTheModel) {
  const TreeModel model = load(kSmallModel);
  EXPECT_EQ(model.feature_count(), 4U);
  EXPECT_EQ(model.group_count(), 1U);
  EXPECT_EQ(model.tree_count(), 3U);
  EXPECT_EQ(model.objective(), Objective::kBinaryLogistic);
  ASSERT_EQ(model.feature_names().size(), 4U);
  EXPECT_EQ(model.feature_names()[2], "plan");
  EXPECT_EQ(model.gain_importance(), (std::vector<double>{3, 1, 1, 1}));
}

TEST_P(TreeModelVectors, GivesTheMarginsAndProbabilitiesOfLibxgboost) {
  const TreeModel model = load(kSmallModel);
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    const float margin = model.margin(kRows[i]);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(margin), kMarginBits[i]) << "row " << i;
    EXPECT_EQ(model.output(margin), kProbabilities[i]) << "row " << i;
  }
}

TEST_P(TreeModelVectors, GivesTheLeavesOfLibxgboost) {
  const TreeModel model = load(kSmallModel);
  constexpr std::array<std::array<int, 3>, 7> kLeaves{
      {{4, 2, 4}, {2, 2, 4}, {3, 2, 6}, {2, 1, 6}, {4, 2, 3}, {3, 1, 3}, {2, 1, 5}}};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    std::array<std::int32_t, 3> leaves{};
    model.leaves(kRows[i], leaves);
    EXPECT_EQ(leaves, kLeaves[i]) << "row " << i;
  }
}

TEST_P(TreeModelVectors, WeighsTreesOfDartWhereverTheWeightsStand) {
  constexpr std::array<float, 7> kMargins{-0.924119353F, -0.32411927F,  -0.806119263F,
                                          -0.706119299F, -0.840119302F, -0.740119219F,
                                          -0.265119284F};
  const std::string to_3_2 = small_dart();
  const std::string in_3_3 = replaced(kSmallModel, R"("gradient_booster":{)",
                                      R"("gradient_booster":{"weight_drop":[1.0,0.5,0.7],)");
  const std::string from_3_4 =
      replaced(kSmallModel, R"("tree_info":)", R"("weight_drop":[1E0,5E-1,7E-1],"tree_info":)");
  for (const std::string& text : {to_3_2, in_3_3, from_3_4}) {
    const TreeModel model = load(text);
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      EXPECT_EQ(model.margin(kRows[i]), kMargins[i])
          << "row " << i << " of " << text.substr(0, 200);
    }
  }
}

TEST_P(TreeModelVectors, SumsEachClassOnItsOwn) {
  const TreeModel model = load(small_multiclass());
  ASSERT_EQ(model.group_count(), 3U);
  EXPECT_EQ(model.objective(), Objective::kSoftprob);
  constexpr std::array<std::array<float, 3>, 7> kMargins{
      {{0.300000012F, 0.75F, 0.430000007F},
       {0.899999976F, 0.75F, 0.430000007F},
       {0.600000024F, 0.75F, 0.169999987F},
       {0.899999976F, 0.349999994F, 0.169999987F},
       {0.300000012F, 0.75F, 0.550000012F},
       {0.600000024F, 0.349999994F, 0.550000012F},
       {0.899999976F, 0.349999994F, 0.800000012F}}};
  std::array<float, 3> margins{};
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    model.margins(kRows[i], margins);
    EXPECT_EQ(margins, kMargins[i]) << "row " << i;
  }
  model.margins(kRows[0], margins);
  std::array<float, 3> shares{};
  model.outputs(margins, shares);
  EXPECT_EQ(shares, (std::array<float, 3>{0.269749671F, 0.423051715F, 0.307198584F}));
}

TEST_P(TreeModelVectors, ReadsBaseScoreAsNumberListOrTuple) {
  for (const char* form : {"3.1E-1", "0.31", "[3.1E-1]", "(0.31,)", "[ 0.31 ]"}) {
    const TreeModel model = load(replaced(kSmallModel, R"("3.1E-1")", fmt::format("\"{}\"", form)));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(model.margin(kRows[0])), kMarginBits[0]) << form;
  }
  const TreeModel several = load(replaced(small_multiclass(), R"("5E-1")", R"("[0.5,1.5,-2E0]")"));
  std::array<float, 3> margins{};
  several.margins(kRows[0], margins);
  EXPECT_EQ(margins, (std::array<float, 3>{0.5F + -0.2F, 1.5F + 0.25F, -2.0F + -0.07F}));
}

TEST_P(TreeModelVectors, SendsInvalidCategoriesLeftAndTruncatesFractions) {
  const TreeModel model = load(kSmallModel);
  const auto with_plan = [&](float plan) {
    return model.margin(std::array<float, 4>{5, 0.3F, plan, 0});
  };
  EXPECT_EQ(with_plan(-1), -1.22011936F);
  EXPECT_EQ(with_plan(1.9F), -0.820119321F);
  EXPECT_EQ(with_plan(16777216), -1.22011936F);
  EXPECT_EQ(with_plan(std::numeric_limits<float>::infinity()), -1.22011936F);
  EXPECT_EQ(with_plan(-std::numeric_limits<float>::infinity()), -1.22011936F);
}

TEST_P(TreeModelVectors, ComparesInfinitiesAsNumbers) {
  const TreeModel model = load(kSmallModel);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::array<std::int32_t, 3> leaves{};
  model.leaves(std::array<float, 4>{kInfinity, 0, 0, -kInfinity}, leaves);
  EXPECT_EQ(leaves, (std::array<std::int32_t, 3>{2, 1, 5}));
}

TEST_P(TreeModelVectors, ShowsItsNodesAndTheirCovers) {
  const TreeModel model = load(kSmallModel);
  ASSERT_TRUE(model.has_covers());
  const TreeView tree = model.tree(0);
  ASSERT_EQ(tree.size(), 5U);
  EXPECT_EQ(tree.depth(), 2U);
  const TreeNode root = tree.node(0);
  EXPECT_FALSE(root.is_leaf);
  EXPECT_TRUE(root.is_default_left);
  EXPECT_EQ(root.feature, 0U);
  EXPECT_EQ(root.threshold, 10.5F);
  EXPECT_EQ(root.cover, 100);
  EXPECT_EQ(tree.node(root.left).cover, 60);
  const TreeNode right = tree.node(root.right);
  EXPECT_TRUE(right.is_leaf);
  EXPECT_EQ(right.leaf_value, static_cast<double>(0.4F));
  EXPECT_EQ(right.cover, 40);
  EXPECT_TRUE(model.tree(1).node(0).is_categorical);
  EXPECT_TRUE(model.tree(1).goes_right(0, 35));
  EXPECT_FALSE(model.tree(1).goes_right(0, 36));
  EXPECT_TRUE(model.tree(1).goes_right(0, kNaN));
  EXPECT_EQ(model.tree(2).file_number(4), 4);
}

TEST_P(TreeModelVectors, FindsEveryLeafByWalkingTheShownNodes) {
  for (const std::string& text : {std::string(kSmallModel), small_dart()}) {
    const TreeModel model = load(text);
    for (const auto& row : kRows) {
      std::array<std::int32_t, 3> leaves{};
      model.leaves(row, leaves);
      float margin = model.base_margin(0);
      for (std::size_t t = 0; t < 3; ++t) {
        const TreeView tree = model.tree(t);
        std::uint32_t at = 0;
        for (TreeNode node = tree.node(0); !node.is_leaf; node = tree.node(at)) {
          at = tree.goes_right(at, row[node.feature]) ? node.right : node.left;
        }
        EXPECT_EQ(tree.file_number(at), leaves[t]);
        margin += static_cast<float>(tree.node(at).leaf_value);
      }
      EXPECT_EQ(margin, model.margin(row));
    }
  }
}

TEST_P(TreeModelVectors, HasNoCoversWhenATreeHasNone) {
  const TreeModel model =
      load(replaced(kSmallModel, R"("sum_hessian":[100.0,60.0,40.0,25.0,35.0])", R"("x":0)"));
  EXPECT_FALSE(model.has_covers());
  EXPECT_EQ(model.tree(0).node(0).cover, 0);
}

TEST(TreeModel, ScoresManyRowsToTheSameBitsAsOneByOne) {
  for (const std::string& text : {std::string(kSmallModel), small_dart(), small_multiclass()}) {
    const TreeModel model = load_both(text, false);
    std::vector<float> values;
    constexpr std::size_t kCount = 203;  // no multiple of any block
    for (std::size_t i = 0; i < kCount; ++i) {
      values.insert(values.end(), kRows[i % 7].begin(), kRows[i % 7].end());
    }
    std::vector<float> out(kCount * model.group_count());
    model.margins_of_rows(values, out);
    std::vector<float> one(model.group_count());
    for (std::size_t i = 0; i < kCount; ++i) {
      model.margins(kRows[i % 7], one);
      for (std::size_t group = 0; group < one.size(); ++group) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i * one.size() + group]),
                  std::bit_cast<std::uint32_t>(one[group]));
      }
    }
  }
}

TEST(TreeModel, ReadsOldFilesWithoutSplitTypesAndWithBooleanDefaults) {
  std::string text = kSmallModel;
  // Only the numeric trees: categories came later than such files.
  const std::size_t second = text.find(R"({"id":1,)");
  text.erase(second, text.find(R"({"id":2,)") - second);
  text = replaced(text, R"("id":2)", R"("id":1)");
  text = replaced(text, R"("num_trees":"3")", R"("num_trees":"2")");
  text = replaced(text, R"("tree_info":[0,0,0])", R"("tree_info":[0,0])");
  text = replaced(text, R"("default_left":[1,0,0,0,0],"split_type":[0,0,0,0,0],)",
                  R"("default_left":[true,false,false,false,false],)");
  text = replaced(text, R"("default_left":[0,1,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0],)",
                  R"("default_left":[false,true,false,false,false,false,false],)");
  constexpr std::array<float, 7> kMargins{-1.07011938F,  -0.470119268F, -1.0301193F,  -0.730119288F,
                                          -0.950119317F, -0.650119245F, -0.100119263F};
  for (const bool is_binary : {false, true}) {
    const TreeModel model = load_both(text, is_binary);
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      EXPECT_EQ(model.margin(kRows[i]), kMargins[i]) << "row " << i;
    }
  }
}

TEST(TreeModel, LeavesOutNodesThatThePrunerDeleted) {
  std::string text = replaced(kSmallModel, R"("num_nodes":"5")", R"("num_nodes":"7")");
  text = replaced(text, R"("parents":[2147483647,0,0,1,1])",
                  R"("parents":[2147483647,0,0,1,1,2147483647,2147483647])");
  text = replaced(text, R"("left_children":[1,3,-1,-1,-1],"right_children":[2,4,-1,-1,-1])",
                  R"("left_children":[1,3,-1,-1,-1,-1,-1],"right_children":[2,4,-1,-1,-1,-1,-1])");
  text = replaced(text, R"("split_indices":[0,1,0,0,0])",
                  R"("split_indices":[0,1,0,0,0,2147483647,2147483647])");
  text = replaced(text, "[10.5,0.3,0.4,0.1,-0.2]", "[10.5,0.3,0.4,0.1,-0.2,NaN,0]");
  text = replaced(text, R"("default_left":[1,0,0,0,0],"split_type":[0,0,0,0,0])",
                  R"("default_left":[1,0,0,0,0,1,1],"split_type":[0,0,0,0,0,0,0])");
  text = replaced(text, R"("loss_changes":[1.0,1.0,0.0,0.0,0.0])",
                  R"("loss_changes":[1.0,1.0,0.0,0.0,0.0,0,0])");
  text = replaced(text, R"("sum_hessian":[100.0,60.0,40.0,25.0,35.0])",
                  R"("sum_hessian":[100.0,60.0,40.0,25.0,35.0,0,0])");
  const TreeModel model = load_both(text, false);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(model.margin(kRows[0])), kMarginBits[0]);
}

TEST(TreeModel, KeepsBaseScoreAwayFromTheBordersFromVersion32On) {
  std::string text = replaced(kSmallModel, R"("3.1E-1")", R"("1E-9")");
  const float plain = load_both(text, false).margin(kRows[0]);
  text = replaced(text, R"("version":[1,7,4])", R"("version":[3,2,0])");
  const float clamped = load_both(text, false).margin(kRows[0]);
  EXPECT_NEAR(plain, -20.743F, 0.01F);
  EXPECT_NEAR(clamped, -13.835F, 0.01F);
}

TEST(TreeModel, GivesOutputsOfTheObjectives) {
  const auto output = [](const char* objective, float margin) {
    const std::string text =
        replaced(replaced(kSmallModel, "binary:logistic", objective), "3.1E-1", "5E-1");
    return load_both(text, false).output(margin);
  };
  EXPECT_EQ(output("binary:hinge", 0.1F), 1.0F);
  EXPECT_EQ(output("binary:hinge", 0.0F), 0.0F);
  EXPECT_EQ(output("reg:squarederror", -3.5F), -3.5F);
  EXPECT_EQ(output("binary:logitraw", -3.5F), -3.5F);
  EXPECT_EQ(output("count:poisson", 1.5F), std::exp(1.5F));
  EXPECT_EQ(output("binary:logistic", 0.0F), 0.5F);
  EXPECT_GT(output("binary:logistic", -100.0F), 0.0F);  // a denormal, as libxgboost gives
  EXPECT_EQ(output("binary:logistic", 100.0F), 1.0F);
}

TEST(TreeModel, NamesTheFirstLargestClassForSoftmax) {
  const TreeModel model =
      load_both(replaced(small_multiclass(), "multi:softprob", "multi:softmax"), false);
  std::array<float, 3> out{};
  model.outputs(std::array<float, 3>{0.1F, 0.7F, 0.7F}, out);
  EXPECT_EQ(out[0], 1.0F);
}

struct BadModel {
  const char* name;
  const char* from;
  const char* to;
  core::ErrorCode code;
  const char* message;  ///< a part of it
};

class TreeModelRefuses : public ::testing::TestWithParam<BadModel> {};

TEST_P(TreeModelRefuses, TheModelAndSaysWhy) {
  const BadModel& bad = GetParam();
  const std::string text = replaced(kSmallModel, bad.from, bad.to);
  for (const bool is_binary : {false, true}) {
    const auto model = TreeModel::load(is_binary ? to_ubjson(text) : text);
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, bad.code) << model.error().message;
    EXPECT_NE(model.error().message.find(bad.message), std::string::npos) << model.error().message;
  }
}

constexpr auto kCorrupt = core::ErrorCode::kCorruption;
constexpr auto kUnimplemented = core::ErrorCode::kUnimplemented;
INSTANTIATE_TEST_SUITE_P(
    Models, TreeModelRefuses,
    ::testing::Values(
        BadModel{"Cycle", R"("left_children":[1,3,-1,-1,-1],"right_children":[2,4,)",
                 R"("left_children":[1,1,-1,-1,-1],"right_children":[2,2,)", kCorrupt,
                 "tree 0: node 1: reached twice"},
        BadModel{"RootAsChild", R"("left_children":[1,3,-1,-1,-1],"right_children":[2,4,)",
                 R"("left_children":[1,0,-1,-1,-1],"right_children":[2,1,)", kCorrupt, "child 0"},
        BadModel{"ChildOutOfRange", R"("left_children":[1,3,-1,-1,-1],"right_children":[2,4,)",
                 R"("left_children":[1,4,-1,-1,-1],"right_children":[2,5,)", kCorrupt, "child 5"},
        BadModel{"ChildrenApart", R"("right_children":[2,4,)", R"("right_children":[2,2,)",
                 kCorrupt, "node 1: children 3 and 2 are not side by side"},
        BadModel{"ListsOfUnequalLength", "[10.5,0.3,0.4,0.1,-0.2]", "[10.5,0.3,0.4,0.1]", kCorrupt,
                 "lists of 5 and of 4 nodes"},
        BadModel{"CoverNotFinite", R"("sum_hessian":[100.0,)", R"("sum_hessian":[NaN,)", kCorrupt,
                 "node 0: the cover is not finite"},
        BadModel{"NodeCount", R"("num_nodes":"5")", R"("num_nodes":"6")", kCorrupt, "num_nodes"},
        BadModel{"FeatureOutOfRange", R"("split_indices":[0,1,0,0,0])",
                 R"("split_indices":[0,4,0,0,0])", kCorrupt, "tree 0: node 1: feature 4 of 4"},
        BadModel{"NegativeFeature", R"("split_indices":[0,1,0,0,0])",
                 R"("split_indices":[0,-1,0,0,0])", kCorrupt, "feature -1"},
        BadModel{"LeafNotANumber", "[10.5,0.3,0.4,0.1,-0.2]", "[10.5,0.3,NaN,0.1,-0.2]", kCorrupt,
                 "node 2: the value of a leaf"},
        BadModel{"ThresholdNotANumber", "[10.5,0.3,0.4", "[NaN,0.3,0.4", kCorrupt,
                 "node 0: the threshold"},
        BadModel{"GroupOutOfRange", R"("tree_info":[0,0,0])", R"("tree_info":[0,1,0])", kCorrupt,
                 "tree 1: tree_info is 1 of 1"},
        BadModel{"TreeInfoShort", R"("tree_info":[0,0,0])", R"("tree_info":[0,0])", kCorrupt,
                 "2 entries for 3 trees"},
        BadModel{"TreeCount", R"("num_trees":"3")", R"("num_trees":"4")", kCorrupt, "num_trees"},
        BadModel{"TreeIds", R"({"id":1)", R"({"id":2)", kCorrupt, "tree 1: its id is 2"},
        BadModel{"Rounds", R"("tree_info":)", R"("iteration_indptr":[0,1,2],"tree_info":)",
                 kCorrupt, "iteration_indptr"},
        BadModel{"DartWeights", R"("tree_info":)", R"("weight_drop":[1,0.5],"tree_info":)",
                 kCorrupt, "weight_drop has 2 entries"},
        BadModel{"CategoriesBeyondTheList", R"("categories_sizes":[3])",
                 R"("categories_sizes":[4])", kCorrupt, "categories 0..+4 of 3"},
        BadModel{"CategoriesMissing",
                 R"("categories_nodes":[0],"categories_segments":[0],"categories_sizes":[3])",
                 R"("categories_nodes":[],"categories_segments":[],"categories_sizes":[])",
                 kCorrupt, "without its categories"},
        BadModel{"NegativeCategory", R"("categories":[1,3,35])", R"("categories":[1,-3,35])",
                 kCorrupt, "category -3"},
        BadModel{"HugeCategory", R"("categories":[1,3,35])", R"("categories":[1,3,16777216])",
                 kCorrupt, "category 16777216"},
        BadModel{"SplitType", R"("split_type":[1,0,0])", R"("split_type":[2,0,0])", kCorrupt,
                 "split type 2"},
        BadModel{"FeatureNames", R"(["tenure","charge","plan","score"])", R"(["tenure","charge"])",
                 kCorrupt, "2 feature names for 4"},
        BadModel{"BaseScoreText", R"("3.1E-1")", R"("high")", kCorrupt, "base_score \"high\""},
        BadModel{"BaseScoreOutOfRange", R"("3.1E-1")", R"("1.5")", kCorrupt, "no finite margin"},
        BadModel{"BaseScores", R"("3.1E-1")", R"("[0.1,0.2]")", kCorrupt, "2 base scores for 1"},
        BadModel{"HugeFeatureCount", R"("num_feature":"4","num_target")",
                 R"("num_feature":"99999999999","num_target")", kCorrupt, "num_feature"},
        BadModel{"NoLearner", R"("learner")", R"("lerner")", kCorrupt, "\"learner\" is missing"},
        BadModel{"UnknownObjective", "binary:logistic", "binary:magic", kUnimplemented,
                 "binary:magic"},
        BadModel{"LinearBooster", R"("name":"gbtree"},"learner_model_param")",
                 R"("name":"gblinear"},"learner_model_param")", kUnimplemented, "gblinear"},
        BadModel{"VectorLeaves", R"("num_nodes":"5","size_leaf_vector":"0")",
                 R"("num_nodes":"5","size_leaf_vector":"3")", kUnimplemented,
                 "tree 0: its leaves are vectors of 3"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(TreeModel, RefusesWhatIsNoModelDocument) {
  EXPECT_EQ(TreeModel::load("").error().code, kCorrupt);
  EXPECT_EQ(TreeModel::load(" \n").error().code, kCorrupt);
  EXPECT_EQ(TreeModel::load("{}").error().code, kCorrupt);
  EXPECT_EQ(TreeModel::load("binf\x52\xb8").error().code, kUnimplemented);
  EXPECT_EQ(TreeModel::load("[1,2]").error().code, kUnimplemented);
}

TEST(TreeModel, RefusesTreesOfMoreThan64Levels) {
  std::string left = "[", right = "[", zeros = "[";
  constexpr int kLevels = 65;
  for (int i = 0; i < kLevels; ++i) {
    left += fmt::format("{},-1,", 2 * i + 1);
    right += fmt::format("{},-1,", 2 * i + 2);
    zeros += "0,0,";
  }
  // Nodes 1, 3, 5, ... go on; 2, 4, 6, ... are leaves.
  left = "[1,";
  right = "[2,";
  for (int i = 1; i < kLevels; ++i) {
    left += fmt::format("{},-1,", 2 * i + 1);
    right += fmt::format("{},-1,", 2 * i + 2);
  }
  left += "-1,-1]";
  right += "-1,-1]";
  zeros += "0]";
  const std::string tree = fmt::format(
      R"({{"left_children":{},"right_children":{},"split_indices":{},"split_conditions":{},)"
      R"("default_left":{}}})",
      left, right, zeros, zeros, zeros);
  const std::string text = fmt::format(
      R"({{"learner":{{"gradient_booster":{{"name":"gbtree","model":{{"tree_info":[0],)"
      R"("trees":[{}]}}}},"learner_model_param":{{"base_score":"0.5","num_feature":"1"}},)"
      R"("objective":{{"name":"binary:logistic"}}}}}})",
      tree);
  const auto model = TreeModel::load(text);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, kUnimplemented) << model.error().message;
  EXPECT_NE(model.error().message.find("64 levels"), std::string::npos) << model.error().message;
}

/// Whatever the bytes: an error, or a model that scores.
void load_and_score(std::string_view bytes) {
  const auto model = TreeModel::load(bytes);
  if (!model) return;
  std::vector<float> row(model->feature_count(), kNaN);
  std::vector<float> margins(model->group_count());
  model->margins(row, margins);
}

TEST(TreeModel, SurvivesTruncationAtEveryByte) {
  const std::string json = kSmallModel;
  const std::string ubjson = to_ubjson(json);
  for (std::size_t length = 0; length < json.size(); ++length) {
    EXPECT_FALSE(TreeModel::load(std::string_view(json).substr(0, length)).has_value()) << length;
  }
  for (std::size_t length = 0; length < ubjson.size(); ++length) {
    EXPECT_FALSE(TreeModel::load(std::string_view(ubjson).substr(0, length)).has_value()) << length;
  }
}

TEST(TreeModel, SurvivesEveryFlippedBit) {
  for (const std::string& original : {std::string(kSmallModel), to_ubjson(kSmallModel)}) {
    std::string bytes = original;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        bytes[i] = static_cast<char>(original[i] ^ (1 << bit));
        load_and_score(bytes);
      }
      bytes[i] = original[i];
    }
  }
}

TEST(TreeModel, SurvivesTheSeedsOfTheFuzzer) {
  const auto folder = std::filesystem::path(__FILE__).parent_path() / "corpus" / "tree_model";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto bytes = core::read_file(entry.path());
    ASSERT_TRUE(bytes.has_value());
    load_and_score(*bytes);
    ++files;
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace tenure::learn
