#include "learn/model.h"

#include <cmath>
#include <filesystem>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/id.h"
#include "learn/xgboost_trainer.h"

namespace tenure::learn {
namespace {

using testing::HasSubstr;

/// A package in a folder of its own, removed afterwards.
class ModelPackage : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("model_test_" + core::random_hex_id());
    data::Table table{.columns = {data::Column::of_texts("plan", {"a", "b", "a", "b", "a", "b"}),
                                  data::Column::of_numbers("age", {1, 2, 3, 4, 5, 6})}};
    const std::vector<InputField> inputs = {{.name = "plan", .type = data::ColumnType::kText},
                                            {.name = "age", .type = data::ColumnType::kNumber}};
    std::vector<std::uint32_t> rows(6);
    std::iota(rows.begin(), rows.end(), 0U);
    transform_ = Transform::fit({}, inputs, table, rows).value();
    const std::vector<std::uint8_t> labels = {0, 1, 0, 1, 0, 1};
    const auto matrix = XgboostMatrix::make(transform_.apply(table).value(), labels, 1).value();
    const BoostingPlan plan{.params = {{"min_child_weight", "0"}}, .rounds = 5};
    ubj_ =
        XgboostBooster::train(plan, matrix, nullptr).value().to_ubj(transform_.outputs()).value();
    facts_.refs = {"customers:plan", "customers:age"};
    facts_.base_rate = 0.5;
    write("model.json", core::to_pretty_text(facts_.to_json()));
    write("transform.json", core::to_pretty_text(transform_.to_json()));
    write("model.ubj", ubj_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(core::write_file_atomically(folder_ / name, content).has_value());
  }
  std::string load_error() const {
    auto model = Model::load(folder_);
    return model ? std::string("loaded") : model.error().message;
  }

  std::filesystem::path folder_;
  Transform transform_;
  std::string ubj_;
  ModelFacts facts_;
};

TEST_F(ModelPackage, LoadsAndScores) {
  const auto model = Model::load(folder_);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->facts().refs, facts_.refs);
  std::vector<float> encoded(model->transform().outputs().size());
  const auto probability = [&](std::vector<data::Cell> cells) {
    return model->score(cells, encoded).probability;
  };
  EXPECT_GT(probability({data::Cell::of("b"), data::Cell::of(3.0)}), 0.6F);
  EXPECT_LT(probability({data::Cell::of("a"), data::Cell::of(3.0)}), 0.4F);
  EXPECT_FALSE(std::isnan(probability({data::Cell{}, data::Cell{}})));
}

TEST_F(ModelPackage, FindsTreesUnderAnotherName) {
  core::Json json = facts_.to_json();
  json.as_object()["data"] = "trees.bin";
  write("model.json", core::to_text(json));
  write("trees.bin", ubj_);
  EXPECT_EQ(load_error(), "loaded");
  json.as_object()["data"] = "../model.ubj";
  write("model.json", core::to_text(json));
  EXPECT_THAT(load_error(), HasSubstr("name of a file beside it"));
}

TEST_F(ModelPackage, NamesTheDamagedFile) {
  write("model.ubj", ubj_.substr(0, ubj_.size() / 2));
  EXPECT_THAT(load_error(), HasSubstr("model.ubj"));
  write("model.ubj", ubj_);
  write("transform.json", "{");
  EXPECT_THAT(load_error(), HasSubstr("transform.json"));
  write("transform.json", core::to_text(transform_.to_json()));
  write("model.json", R"({"format": "tenure.model", "version": 1, "threshold": 7})");
  EXPECT_THAT(load_error(), HasSubstr("'threshold' should be between 0 and 1"));
  std::filesystem::remove(folder_ / "model.json");
  EXPECT_EQ(Model::load(folder_).error().code, core::ErrorCode::kNotFound);
}

TEST_F(ModelPackage, RefusesTreesOfAnotherTransformation) {
  const data::Table table{.columns = {data::Column::of_numbers("x", {1, 2})}};
  const std::vector<InputField> inputs = {{.name = "x", .type = data::ColumnType::kNumber}};
  const std::vector<std::uint32_t> rows = {0, 1};
  const Transform other = Transform::fit({}, inputs, table, rows).value();
  auto model = Model::make({}, other, TreeModel::load(ubj_).value());
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_THAT(model.error().message, HasSubstr("3 features"));
  ModelFacts facts;
  facts.refs = {"only:one"};
  EXPECT_FALSE(Model::make(facts, transform_, TreeModel::load(ubj_).value()).has_value());
}

TEST(ModelFacts, ComeBackFromJson) {
  const ModelFacts facts{.service = "churn_v1",
                         .refs = {"a:b", "c:d"},
                         .base_rate = 0.2653698707,
                         .threshold = 0.31,
                         .positive = "call",
                         .negative = "leave",
                         .null_values = {{"b", "0"}},
                         .null_markers = {{"b", {"NA", "?"}}, {"c", {}}}};
  const auto read = ModelFacts::from_json(core::parse_json(core::to_text(facts.to_json())).value());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->service, facts.service);
  EXPECT_EQ(read->refs, facts.refs);
  EXPECT_EQ(read->base_rate, facts.base_rate);
  EXPECT_EQ(read->threshold, facts.threshold);
  EXPECT_EQ(read->positive, facts.positive);
  EXPECT_EQ(read->null_values, facts.null_values);
  EXPECT_EQ(read->null_markers, facts.null_markers);
  EXPECT_FALSE(ModelFacts::from_json(core::Json(1)).has_value());
  core::Json damaged = facts.to_json();
  damaged.as_object()["null_markers"] = core::JsonObject{{"b", "NA"}};
  EXPECT_FALSE(ModelFacts::from_json(damaged).has_value());
  damaged.as_object()["null_markers"] = core::JsonObject();
  damaged.as_object()["null_values"] = core::JsonObject{{"b", 0}};
  EXPECT_EQ(ModelFacts::from_json(damaged).error().code, core::ErrorCode::kCorruption);
  core::Json newer = facts.to_json();
  newer.as_object()["version"] = 9;
  EXPECT_EQ(ModelFacts::from_json(newer).error().code, core::ErrorCode::kUnimplemented);
}

}  // namespace
}  // namespace tenure::learn
