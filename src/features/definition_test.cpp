#include "features/definition.h"

#include <string>

#include <gtest/gtest.h>

#include "core/config.h"
#include "features/testing/usage_world.h"

namespace tenure::features {
namespace {

using testing::UsageWorld;

class DefinitionsFromConfig : public ::testing::Test {
 protected:
  DefinitionsFromConfig() {
    world_.write("data", R"(SELECT 7 AS customer_id, TIMESTAMPTZ '2024-01-01' AS event_timestamp,
      'Two year' AS Contract, 12 AS tenure, 0 AS label)");
    dataset_.parquet = world_.path("data");
    dataset_.id_column = "customer_id";
    dataset_.has_label = true;
    dataset_.columns.resize(2);
    dataset_.columns[0].name = "Contract";
    dataset_.columns[1].name = "tenure";
    dataset_.columns[1].type = data::ColumnType::kNumber;
  }

  core::Result<Definitions> read(const std::string& features) {
    const auto file = world_.folder() / "tenure.yaml";
    auto config =
        core::parse_config("project: churn\n" + features,
                           {.file = file, .environment = {}, .variables = {}, .overrides = {}});
    EXPECT_TRUE(config) << config.error().message;
    if (!config) return config.error();
    return Definitions::from_config(*config, dataset_, *world_.engine);
  }
  std::string error_of(const std::string& features,
                       core::ErrorCode code = core::ErrorCode::kInvalidArgument) {
    const auto definitions = read(features);
    if (definitions) return "no error";
    EXPECT_EQ(definitions.error().code, code) << definitions.error().message;
    return definitions.error().message;
  }

  UsageWorld world_;
  data::Dataset dataset_;
};

std::string refs_of(const FeatureService& service) {
  std::string text;
  for (const FeatureRef& ref : service.features) text += ref.view + ":" + ref.feature + " ";
  return text;
}

TEST_F(DefinitionsFromConfig, NeedNoSectionForATable) {
  const auto definitions = read("");
  ASSERT_TRUE(definitions) << definitions.error().message;
  EXPECT_EQ(definitions->project, "churn");
  ASSERT_EQ(definitions->entities.size(), 1U);
  EXPECT_EQ(definitions->entities[0].name, "customer");
  EXPECT_EQ(definitions->entities[0].key, "customer_id");
  EXPECT_EQ(definitions->entities[0].key_type, data::ColumnType::kInteger);
  ASSERT_EQ(definitions->views.size(), 1U);
  const FeatureView& view = definitions->views[0];
  EXPECT_EQ(view.name, "profile");
  EXPECT_EQ(view.source, world_.path("data"));
  EXPECT_EQ(view.source_name, "data");
  EXPECT_EQ(view.timestamp_column, "event_timestamp");
  EXPECT_EQ(view.ttl, 0);
  EXPECT_TRUE(view.is_online);
  const auto service = definitions->service("");
  ASSERT_TRUE(service);
  EXPECT_EQ((*service)->name, "default");
  EXPECT_EQ(refs_of(**service), "profile:Contract profile:tenure ");
  EXPECT_EQ(view.features[1].type, data::ColumnType::kNumber);
}

constexpr const char* kFull = R"(features:
  entities:
    customer: {key: customer_id, type: integer}
  views:
    profile: {entity: customer}
    usage:
      entity: customer
      source: usage.parquet
      timestamp: event_ts
      created: created
      ttl: 7d
      features: [calls, talk]
      rename: {talk: minutes}
      online: false
  services:
    small:
      features: ["usage:talk", "profile:tenure"]
    all:
      features: ["profile:*", "usage:*"]
)";

TEST_F(DefinitionsFromConfig, ReadEveryKey) {
  const auto definitions = read(kFull);
  ASSERT_TRUE(definitions) << definitions.error().message;
  const FeatureView* usage = definitions->view("usage");
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(usage->source, world_.path("usage"));
  EXPECT_EQ(usage->source_name, "usage.parquet");
  EXPECT_EQ(usage->timestamp_column, "event_ts");
  EXPECT_EQ(usage->created_column, "created");
  EXPECT_EQ(usage->ttl, 7 * UsageWorld::kDay);
  EXPECT_FALSE(usage->is_online);
  ASSERT_EQ(usage->features.size(), 2U);
  EXPECT_EQ(usage->features[0].type, data::ColumnType::kInteger);
  EXPECT_EQ(usage->features[1].name, "talk");
  EXPECT_EQ(usage->features[1].source_column, "minutes");
  EXPECT_EQ(usage->features[1].type, data::ColumnType::kNumber);
  EXPECT_EQ(refs_of(**definitions->service("small")), "usage:talk profile:tenure ");
  EXPECT_EQ(refs_of(**definitions->service("all")),
            "profile:Contract profile:tenure usage:calls usage:talk ");
  EXPECT_EQ((*definitions->service(""))->name, "small");
  const auto unknown = definitions->service("big");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, core::ErrorCode::kNotFound);
  EXPECT_NE(unknown.error().message.find("small, all"), std::string::npos);
  EXPECT_EQ(definitions->unknown_view("usgae").message,
            "there is no feature view 'usgae' (did you mean 'usage'?); there are: profile, usage");
}

TEST_F(DefinitionsFromConfig, SurviveJson) {
  const auto definitions = read(kFull);
  ASSERT_TRUE(definitions);
  const core::Json json = definitions->to_json();
  const auto back = Definitions::from_json(json);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(core::to_text(back->to_json()), core::to_text(json));
  EXPECT_EQ(back->view("usage")->ttl, 7 * UsageWorld::kDay);
}

TEST(DefinitionsFromJson, RefusesWhatDoesNotResolve) {
  for (const char* text :
       {"{}", R"({"project": "p", "entities": [], "views": 3, "services": []})",
        R"({"project": "p", "entities": [{"name": "c", "key": "k", "type": "colour"}],
            "views": [], "services": []})",
        R"({"project": "p", "entities": [], "views": [{"name": "v", "entity": "gone",
            "source": "s", "timestamp_column": "t", "created_column": "", "ttl_us": 0,
            "online": true, "features": []}], "services": []})",
        R"({"project": "p", "entities": [], "views": [],
            "services": [{"name": "s", "features": [{"view": "v", "feature": "f"}]}]})"}) {
    EXPECT_FALSE(Definitions::from_json(*core::parse_json(text))) << text;
  }
}

TEST_F(DefinitionsFromConfig, DefaultToEverythingOfASource) {
  const auto definitions = read(R"(features:
  views:
    usage: {source: usage.parquet, timestamp: event_ts, created: created}
)");
  ASSERT_TRUE(definitions) << definitions.error().message;
  EXPECT_EQ(refs_of(**definitions->service("default")), "usage:calls usage:minutes ");
}

TEST_F(DefinitionsFromConfig, SayWhereAMistakeIs) {
  const auto has = [&](const std::string& features, std::string_view part,
                       core::ErrorCode code = core::ErrorCode::kInvalidArgument) {
    const std::string message = error_of("features:\n" + features, code);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find("tenure.yaml"), std::string::npos) << message;
  };
  has("  views:\n    usage: {entity: account}\n", "unknown entity 'account'");
  has("  views:\n    usage:\n      source: gone.parquet\n", "tenure.yaml:5",
      core::ErrorCode::kNotFound);
  has("  views:\n    usage: {source: usage.parquet}\n", "no column 'event_timestamp'");
  has("  views:\n    usage: {source: usage.parquet, timestamp: calls}\n", "a time is needed");
  has("  views:\n    usage: {source: usage.parquet, timestamp: event_ts, created: made}\n",
      "'made'");
  has("  views:\n    usage: {source: usage.parquet, timestamp: event_ts, created: calls}\n",
      "a time is needed");
  has("  views:\n    p: {features: [tenure, tenure]}\n", "listed twice");
  has("  views:\n    p: {features: [height]}\n", "no column 'height'");
  has("  views:\n    p: {features: [tenure], rename: {months: tenure}}\n", "no feature 'months'");
  has("  services:\n    s: {features: [tenure]}\n", "view:feature");
  has("  services:\n    s: {features: [\"profile:height\"]}\n", "no feature 'height'");
  has("  services:\n    s: {features: [\"place:height\"]}\n", "unknown view 'place'");
  has("  services:\n    s: {features: [\"profile:tenure\", \"profile:*\"]}\n", "twice");
  has("  entities:\n    customer: {key: phone}\n", "no column 'phone'");
}

TEST_F(DefinitionsFromConfig, RefuseColumnsThatAreNoFeatures) {
  world_.write("lists", "SELECT 7 AS customer_id, TIMESTAMP '2024-01-01' AS at, [1, 2] AS many");
  const std::string message = error_of(
      "features:\n  views:\n    l: {source: lists.parquet, timestamp: at, features: [many]}\n");
  EXPECT_NE(message.find("INTEGER[]"), std::string::npos) << message;
}

}  // namespace
}  // namespace tenure::features
