// Our evaluator against libxgboost, the trainer: same bits, model by model and row by row.

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "learn/tree_model.h"
#include "learn/tree_model_test_data.h"
#include "learn/xgboost_oracle_test_data.h"

namespace tenure::learn {
namespace {

using testing::OracleBooster;
using testing::OracleData;
using testing::OracleMatrix;
using testing::random_data;

struct Case {
  std::string name;
  std::map<std::string, std::string> params;
  int rounds = 12;
  double missing = 0.15;
  bool has_categories = false;
  std::size_t columns = 7;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

std::vector<Case> cases() {
  const std::string logistic = "binary:logistic";
  std::vector<Case> all;
  for (int depth = 1; depth <= 12; ++depth) {
    all.push_back({.name = fmt::format("LogisticDepth{}", depth),
                   .params = {{"objective", logistic},
                              {"max_depth", std::to_string(depth)},
                              {"tree_method", depth % 2 == 0 ? "hist" : "exact"},
                              {"min_child_weight", "0"},
                              {"base_score", depth % 3 == 0 ? "0.31" : "0.5"}}});
  }
  all.push_back({.name = "LogisticWithoutMissing",
                 .params = {{"objective", logistic}, {"tree_method", "hist"}},
                 .missing = 0});
  all.push_back({.name = "LogisticMostlyMissing",
                 .params = {{"objective", logistic}, {"tree_method", "approx"}},
                 .missing = 0.8});
  all.push_back({.name = "LogisticPruned",
                 .params = {{"objective", logistic}, {"tree_method", "exact"}, {"gamma", "2"}}});
  all.push_back({.name = "LogisticLossguide",
                 .params = {{"objective", logistic},
                            {"tree_method", "hist"},
                            {"grow_policy", "lossguide"},
                            {"max_depth", "0"},
                            {"max_leaves", "40"},
                            {"min_child_weight", "0"}}});
  all.push_back({.name = "LogisticManyTrees",
                 .params = {{"objective", logistic}, {"eta", "0.05"}, {"tree_method", "hist"}},
                 .rounds = 150});
  all.push_back({.name = "RandomForestOfBoosts",
                 .params = {{"objective", logistic},
                            {"num_parallel_tree", "3"},
                            {"subsample", "0.6"},
                            {"colsample_bynode", "0.6"}}});
  all.push_back({.name = "Dart",
                 .params = {{"booster", "dart"},
                            {"objective", logistic},
                            {"rate_drop", "0.3"},
                            {"one_drop", "1"}},
                 .rounds = 25});
  all.push_back({.name = "DartMulticlass",
                 .params = {{"booster", "dart"},
                            {"objective", "multi:softprob"},
                            {"num_class", "3"},
                            {"rate_drop", "0.3"}}});
  all.push_back(
      {.name = "Softprob", .params = {{"objective", "multi:softprob"}, {"num_class", "4"}}});
  all.push_back({.name = "Softmax",
                 .params = {{"objective", "multi:softmax"},
                            {"num_class", "3"},
                            {"num_parallel_tree", "2"},
                            {"base_score", "0.7"}}});
  all.push_back(
      {.name = "CategoriesOneHot",
       .params = {{"objective", logistic}, {"tree_method", "hist"}, {"max_cat_to_onehot", "100"}},
       .has_categories = true});
  all.push_back({.name = "CategoriesPartitioned",
                 .params = {{"objective", logistic},
                            {"tree_method", "hist"},
                            {"max_cat_to_onehot", "1"},
                            {"max_depth", "8"},
                            {"min_child_weight", "0"}},
                 .has_categories = true});
  all.push_back({.name = "CategoriesApproxMulticlass",
                 .params = {{"objective", "multi:softprob"},
                            {"num_class", "3"},
                            {"tree_method", "approx"},
                            {"max_cat_to_onehot", "4"}},
                 .has_categories = true});
  for (const char* objective :
       {"reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror",
        "reg:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "reg:gamma",
        "reg:tweedie", "survival:cox", "rank:pairwise"}) {
    std::string name = objective;
    std::erase_if(name, [](char c) { return c == ':'; });
    all.push_back(
        {.name = "Objective" + name, .params = {{"objective", objective}, {"base_score", "0.37"}}});
  }
  all.push_back({.name = "OneColumn", .params = {{"objective", logistic}}, .columns = 1});
  all.push_back({.name = "ManyColumns",
                 .params = {{"objective", logistic}, {"tree_method", "hist"}},
                 .columns = 60});
  all.push_back({.name = "NoRounds", .params = {{"objective", logistic}}, .rounds = 0});
  return all;
}

void label(const Case& c, OracleData& data) {
  const auto classes = c.params.find("num_class");
  const std::string& objective = c.params.at("objective");
  for (std::size_t i = 0; i < data.rows; ++i) {
    double signal = 0;
    for (std::size_t j = 0; j < data.columns; ++j) {
      const float value = data.values[i * data.columns + j];
      if (!std::isnan(value)) signal += std::sin(static_cast<double>(value) * double(j + 1));
    }
    if (classes != c.params.end()) {
      const int count = std::stoi(classes->second);
      data.labels.push_back(static_cast<float>(static_cast<int>(std::abs(signal) * 3) % count));
    } else if (objective.starts_with("binary:") || objective == "reg:logistic" ||
               objective.starts_with("rank:")) {
      data.labels.push_back(signal > 0 ? 1 : 0);
    } else {
      data.labels.push_back(static_cast<float>(0.1 + std::abs(signal)));
    }
  }
}

void expect_same_bits(float ours, float theirs, std::string_view what, std::size_t row) {
  ASSERT_EQ(std::bit_cast<std::uint32_t>(ours), std::bit_cast<std::uint32_t>(theirs))
      << what << ", row " << row << ": ours " << ours << ", libxgboost " << theirs;
}

/// The walk over nodes, and the fast form at every level that this machine can run.
std::vector<TreeModel> forms_of(const TreeModel& model) {
  std::vector<TreeModel> forms{model.walking()};
  if (model.tree_count() == 0) return forms;
  for (const CpuLevel level : cpu_levels()) {
    auto form = model.at_level(level);
    if (form) {
      forms.push_back(*std::move(form));
    } else {
      ADD_FAILURE() << form.error().message;
    }
  }
  return forms;
}

/// Compares margins (one by one and many at once) and outputs.
void compare_sums(const TreeModel& model, const OracleData& data, const std::vector<float>& margins,
                  const std::vector<float>& outputs) {
  const std::size_t groups = model.group_count();
  ASSERT_EQ(margins.size(), data.rows * groups);
  std::vector<float> all(margins.size());
  model.margins_of_rows(data.values, all);
  std::vector<float> one(groups);
  std::vector<float> out(groups);
  for (std::size_t row = 0; row < data.rows; ++row) {
    model.margins(std::span(data.values).subspan(row * data.columns, data.columns), one);
    model.outputs(one, out);
    for (std::size_t group = 0; group < groups; ++group) {
      expect_same_bits(one[group], margins[row * groups + group], "margin", row);
      expect_same_bits(all[row * groups + group], margins[row * groups + group], "batch", row);
    }
    const std::size_t width = outputs.size() / data.rows;
    for (std::size_t i = 0; i < width; ++i) {
      expect_same_bits(out[i], outputs[row * width + i], "output", row);
    }
  }
}

/// Compares margins, outputs and leaves on rows the model never saw.
void compare(const TreeModel& model, const OracleBooster& booster, const OracleData& data) {
  const OracleMatrix matrix(data);
  const std::vector<float> margins = booster.predict(matrix, 1);
  const std::vector<float> outputs = booster.predict(matrix, 0);
  for (const TreeModel& form : forms_of(model)) {
    SCOPED_TRACE(std::string(form.evaluator_name()));
    compare_sums(form, data, margins, outputs);
  }
  if (model.tree_count() == 0) return;
  const std::vector<float> leaves = booster.predict(matrix, 6);
  std::vector<std::int32_t> ours(model.tree_count());
  for (std::size_t row = 0; row < data.rows; ++row) {
    model.leaves(std::span(data.values).subspan(row * data.columns, data.columns), ours);
    for (std::size_t tree = 0; tree < ours.size(); ++tree) {
      ASSERT_EQ(static_cast<float>(ours[tree]), leaves[row * ours.size() + tree]);
    }
  }
}

class LibxgboostOracle : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Trained, LibxgboostOracle, ::testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_P(LibxgboostOracle, GivesTheSameBitsForUnseenRows) {
  const Case& c = GetParam();
  OracleData training = random_data(7, 500, c.columns, c.missing, c.has_categories);
  label(c, training);
  const OracleMatrix matrix(training);
  OracleBooster booster(matrix);
  booster.train(c.params, matrix, c.rounds);
  OracleData unseen = random_data(8, 300, c.columns, c.missing, c.has_categories);
  unseen.values.insert(unseen.values.end(), training.values.begin(), training.values.end());
  unseen.rows += training.rows;
  for (const char* format : {"json", "ubj"}) {
    const auto model = TreeModel::load(booster.save(format));
    ASSERT_TRUE(model.has_value()) << format << ": " << model.error().message;
    compare(*model, booster, unseen);
  }
}

TEST(LibxgboostOracle, AgreesOnExtremeValues) {
  OracleData training = random_data(3, 400, 5, 0.1, false);
  const Case c{.name = "", .params = {{"objective", "binary:logistic"}, {"tree_method", "exact"}}};
  label(c, training);
  const OracleMatrix matrix(training);
  OracleBooster booster(matrix);
  booster.train(c.params, matrix, 20);
  const auto model = TreeModel::load(booster.save("ubj"));
  ASSERT_TRUE(model.has_value());
  core::Random random(4);
  OracleData extremes{500, 5, {}, {}, {}};
  const std::vector<float> known{0.0F,
                                 -0.0F,
                                 std::numeric_limits<float>::max(),
                                 std::numeric_limits<float>::lowest(),
                                 std::numeric_limits<float>::denorm_min(),
                                 std::numeric_limits<float>::quiet_NaN()};
  for (std::size_t i = 0; i < extremes.rows * extremes.columns; ++i) {
    float value = known[random.below(known.size())];
    if (random.bernoulli(0.5)) {
      value = std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
      if (std::isinf(value)) value = 1.0F;  // a DMatrix refuses infinities
    }
    extremes.values.push_back(value);
  }
  compare(*model, booster, extremes);
}

TEST(LibxgboostOracle, AgreesOnTheHandWrittenModels) {
  for (const std::string& text :
       {std::string(testing::kSmallModel), testing::small_dart(), testing::small_multiclass()}) {
    OracleBooster booster;
    booster.load(text);
    const auto model = TreeModel::load(text);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    OracleData data = random_data(11, 400, 4, 0.2, false);
    // The third feature is a category: codes in and beyond the set, fractions, invalid ones.
    for (std::size_t row = 0; row < data.rows; ++row) {
      constexpr std::array<float, 8> kCodes{0, 1, 1.9F, 3, 35, 100, -1, 16777216};
      data.values[row * 4 + 2] = kCodes[row % kCodes.size()];
    }
    compare(*model, booster, data);
  }
}

TEST(LibxgboostOracle, AgreesOnAcceleratedFailureTime) {
  OracleData training = random_data(5, 300, 4, 0.1, false);
  std::vector<float> lower;
  std::vector<float> upper;
  core::Random random(6);
  for (std::size_t i = 0; i < training.rows; ++i) {
    lower.push_back(static_cast<float>(1 + 20 * random.uniform()));
    upper.push_back(i % 3 == 0 ? std::numeric_limits<float>::infinity() : lower.back());
  }
  const OracleMatrix matrix(training);
  testing::must(
      XGDMatrixSetFloatInfo(matrix.handle(), "label_lower_bound", lower.data(), lower.size()));
  testing::must(
      XGDMatrixSetFloatInfo(matrix.handle(), "label_upper_bound", upper.data(), upper.size()));
  OracleBooster booster(matrix);
  booster.train({{"objective", "survival:aft"}, {"base_score", "0.37"}}, matrix, 10);
  const auto model = TreeModel::load(booster.save("json"));
  ASSERT_TRUE(model.has_value()) << model.error().message;
  compare(*model, booster, training);
}

}  // namespace
}  // namespace tenure::learn
