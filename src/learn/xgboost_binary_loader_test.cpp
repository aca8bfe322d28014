// The binary form of old XGBoost models: a hand-made file with known margins, and files that the
// installed library writes.

#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "learn/tree_model.h"
#include "learn/tree_model_test_data.h"
#include "learn/xgboost_oracle_test_data.h"

namespace tenure::learn {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Writes the structures field by field.
class BinaryWriter {
 public:
  BinaryWriter& number(std::int64_t value, int bytes = 4) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>((value >> (8 * i)) & 0xFF);
    return *this;
  }
  BinaryWriter& real(float value) { return number(std::bit_cast<std::int32_t>(value)); }
  BinaryWriter& text(std::string_view text) {
    number(static_cast<std::int64_t>(text.size()), 8);
    out_ += text;
    return *this;
  }
  BinaryWriter& zeros(std::size_t count) {
    out_.append(count, '\0');
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

struct Node {
  int parent;
  int left;
  std::uint32_t feature;
  float value;
  float cover;
};

void write_tree(BinaryWriter& writer, const std::vector<Node>& nodes) {
  writer.number(1).number(static_cast<std::int64_t>(nodes.size())).zeros(8).number(4).zeros(128);
  for (const Node& node : nodes) {
    writer.number(node.parent).number(node.left).number(node.left < 0 ? -1 : node.left + 1);
    writer.number(node.feature).real(node.value);
  }
  for (const Node& node : nodes) writer.real(1.0F).real(node.cover).zeros(8);
}

struct Head {
  float base_score = 0.31F;
  int major = 1;
  const char* objective = "binary:logistic";
  const char* booster = "gbtree";
};

void write_head(BinaryWriter& writer, const Head& head) {
  writer.real(head.base_score).number(4).zeros(12).number(head.major).number(7).number(1);
  writer.zeros(136 - 32).text(head.objective).text(head.booster);
}

/// Trees 0 and 2 of the small model of tree_model_test_data.h.
std::string small_binary(const Head& head = {}, std::string_view magic = "binf") {
  constexpr std::uint32_t kLeft = 0x80000000U;
  BinaryWriter writer;
  write_head(writer, head);
  writer.number(2).number(1).zeros(152);
  write_tree(writer, {{-1, 1, 0 | kLeft, 10.5F, 100},
                      {0, 3, 1, 0.3F, 60},
                      {0, -1, 0, 0.4F, 40},
                      {1, -1, 0, 0.1F, 25},
                      {1, -1, 0, -0.2F, 35}});
  write_tree(writer, {{-1, 1, 0, 20, 100},
                      {0, 3, 0 | kLeft, 5, 80},
                      {0, 5, 3, -1.5F, 20},
                      {1, -1, 0, 0.05F, 50},
                      {1, -1, 0, -0.07F, 30},
                      {2, -1, 0, 0.3F, 12},
                      {2, -1, 0, -0.33F, 8}});
  writer.zeros(8);
  return std::string(magic) + writer.take();
}

constexpr std::array<std::array<float, 4>, 7> kRows{{{5, 0.3F, 1, 0},
                                                     {10.5F, kNaN, 3, -2},
                                                     {kNaN, 0.1F, kNaN, kNaN},
                                                     {25, 0.5F, 2, -1.5F},
                                                     {3, kNaN, 35, 1},
                                                     {4.9999F, 0.29999998F, 100, kNaN},
                                                     {20, -1, 0, -1.6F}}};

TEST(XgboostBinary, GivesTheMarginsOfLibxgboost) {
  constexpr std::array<float, 7> kMargins{-1.07011938F,  -0.470119268F, -1.0301193F,  -0.730119288F,
                                          -0.950119317F, -0.650119245F, -0.100119263F};
  for (const char* magic : {"binf", ""}) {
    const auto model = TreeModel::load(small_binary({}, magic));
    ASSERT_TRUE(model.has_value()) << model.error().message;
    for (std::size_t i = 0; i < kRows.size(); ++i) EXPECT_EQ(model->margin(kRows[i]), kMargins[i]);
    EXPECT_TRUE(model->has_covers());
    EXPECT_EQ(model->tree(0).node(1).cover, 60);
  }
}

TEST(XgboostBinary, TakesTheBaseScoreForAMarginBeforeVersion1) {
  const auto old = TreeModel::load(small_binary({.base_score = 0.25F, .major = 0}));
  ASSERT_TRUE(old.has_value()) << old.error().message;
  EXPECT_EQ(old->base_margin(0), 0.25F);
}

TEST(XgboostBinary, RefusesWhatItCannotRead) {
  const auto refused = [](const std::string& bytes, core::ErrorCode code, std::string_view part) {
    const auto model = TreeModel::load(bytes);
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_NE(model.error().message.find(part), std::string::npos) << model.error().message;
  };
  constexpr auto kCorrupt = core::ErrorCode::kCorruption;
  constexpr auto kUnimplemented = core::ErrorCode::kUnimplemented;
  refused("binf\x52\xb8", kCorrupt, "136 bytes of the head");
  refused(small_binary({.objective = "binary:magic"}), kUnimplemented, "binary:magic");
  refused(small_binary({.booster = "gbother"}), kUnimplemented, "gbother");
  refused(small_binary({.booster = "dart"}), kCorrupt, "weight");
  refused(small_binary({.base_score = 1.5F}), kCorrupt, "no finite margin");
  const std::size_t trees = 4 + 136 + 8 + 15 + 8 + 6;
  std::string bytes = small_binary();
  bytes[trees + 3] = '\x7f';
  refused(bytes, kCorrupt, "trees that the file holds");
  bytes = small_binary();
  bytes[trees + 160 + 7] = '\x7f';
  refused(bytes, kCorrupt, "tree 0");
  bytes = small_binary();
  bytes[trees + 160 + 148 + 8] = '\x05';
  refused(bytes, kCorrupt, "not side by side");
}

TEST(XgboostBinary, SurvivesTruncationAndFlippedBits) {
  const std::string original = small_binary();
  for (std::size_t length = 0; length + 1 < original.size(); ++length) {
    EXPECT_FALSE(TreeModel::load(original.substr(0, length)).has_value()) << length;
  }
  std::string bytes = original;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<char>(original[i] ^ (1 << bit));
      const auto model = TreeModel::load(bytes);
      if (!model) continue;
      std::vector<float> margins(model->group_count());
      model->margins(std::vector<float>(model->feature_count(), kNaN), margins);
    }
    bytes[i] = original[i];
  }
}

void expect_same_margins(const TreeModel& model, const testing::OracleBooster& booster,
                         const testing::OracleData& data) {
  const std::vector<float> theirs = booster.predict(testing::OracleMatrix(data), 1);
  std::vector<float> ours(theirs.size());
  model.margins_of_rows(data.values, ours);
  ASSERT_EQ(ours.size(), data.rows * model.group_count());
  EXPECT_EQ(std::memcmp(ours.data(), theirs.data(), ours.size() * sizeof(float)), 0);
}

TEST(XgboostBinary, AgreesWithLibxgboostForEveryBoosterAndForm) {
  using Params = std::map<std::string, std::string>;
  const std::vector<Params> kBoosters{
      {{"booster", "gbtree"}, {"objective", "binary:logistic"}},
      {{"booster", "gbtree"}, {"objective", "multi:softprob"}, {"num_class", "3"}},
      {{"booster", "dart"}, {"objective", "reg:squarederror"}, {"rate_drop", "0.4"}},
      {{"booster", "gblinear"}, {"objective", "binary:logistic"}, {"base_score", "0.3"}},
      {{"booster", "gblinear"}, {"objective", "multi:softprob"}, {"num_class", "3"}}};
  testing::OracleData data = testing::random_data(21, 300, 6, 0.2, false);
  for (std::size_t i = 0; i < data.rows; ++i) data.labels.push_back(static_cast<float>(i % 2));
  for (const Params& params : kBoosters) {
    const testing::OracleMatrix matrix(data);
    testing::OracleBooster booster(matrix);
    booster.train(params, matrix, 10);
    for (const char* form : {"deprecated", "json", "ubj"}) {
      SCOPED_TRACE(params.at("booster") + " as " + form);
      const auto model = TreeModel::load(booster.save(form));
      ASSERT_TRUE(model.has_value()) << model.error().message;
      EXPECT_EQ(model->is_linear(), params.at("booster") == "gblinear");
      expect_same_margins(*model, booster, data);
    }
  }
}

TEST(XgboostLinear, IsRefusedForAWrongNumberOfWeightsOrUnequalBaseScores) {
  const auto linear = [](const char* score, const char* weights) {
    return fmt::format(
        R"({{"learner":{{"gradient_booster":{{"name":"gblinear","model":{{"weights":{}}}}},)"
        R"("learner_model_param":{{"base_score":"{}","num_feature":"1","num_class":"2"}},)"
        R"("objective":{{"name":"multi:softprob"}}}}}})",
        weights, score);
  };
  const auto good = TreeModel::load(linear("0.5", "[1,2,0.25,-0.25]"));
  ASSERT_TRUE(good.has_value()) << good.error().message;
  std::array<float, 2> margins{};
  good->margins(std::array{3.0F}, margins);
  EXPECT_EQ(margins, (std::array{3.75F, 6.25F}));
  EXPECT_EQ(good->evaluator_name(), "linear");
  EXPECT_FALSE(TreeModel::load(linear("0.5", "[1,2,0.25]")).has_value());
  EXPECT_FALSE(TreeModel::load(linear("0.5", "[1,2,0.25,NaN]")).has_value());
  EXPECT_EQ(TreeModel::load(linear("[0.5,0.6]", "[1,2,0.25,-0.25]")).error().code,
            core::ErrorCode::kUnimplemented);
}

}  // namespace
}  // namespace tenure::learn
