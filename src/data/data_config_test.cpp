#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/dataset.h"
#include "data/split.h"

namespace tenure::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

core::Config config_of(std::string_view yaml) {
  auto config = core::parse_config(
      yaml, {.file = "/project/tenure.yaml", .environment = {}, .variables = {}, .overrides = {}});
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

TEST(DataSpecFromConfig, ReadsEveryKey) {
  const auto spec = DataSpec::from_config(config_of(R"(
data:
  source: data/customers.csv
  format: csv
  delimiter: tab
  id: customerID
  time: at
  label: {column: 'Churn ', positive: Yes}
  null_markers: ['', NA]
  duplicates: last
  bad_values: 'null'
  ignore: {phone.number: an id}
  columns:
    TotalCharges: {type: number, null_value: 0, null_markers: ['-']}
    plan: {required: true}
  split: {method: group, test: 0.3, seed: 7, group: household}
)"));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->source, "/project/data/customers.csv");
  EXPECT_EQ(spec->format, "csv");
  EXPECT_EQ(spec->delimiter, '\t');
  EXPECT_EQ(spec->id, "customerID");
  EXPECT_EQ(spec->time, "at");
  EXPECT_EQ(spec->label, "Churn");
  EXPECT_EQ(spec->positive, "Yes");
  EXPECT_THAT(spec->null_markers, ElementsAre("", "NA"));
  EXPECT_EQ(spec->duplicates, "last");
  EXPECT_EQ(spec->bad_values, "null");
  EXPECT_EQ(spec->ignored.at("phone.number"), "an id");
  ASSERT_EQ(spec->columns.size(), 2u);
  EXPECT_EQ(spec->columns[0].name, "TotalCharges");
  EXPECT_EQ(spec->columns[0].type, ColumnType::kNumber);
  EXPECT_FALSE(spec->columns[0].is_inferred);
  EXPECT_EQ(spec->columns[0].null_value, "0");
  EXPECT_THAT(spec->columns[0].null_markers, ElementsAre("-"));
  EXPECT_TRUE(spec->columns[1].is_inferred);
  EXPECT_TRUE(spec->columns[1].is_required);
  EXPECT_FALSE(spec->columns[1].null_value.has_value());
}

TEST(DataSpecFromConfig, HasTheDefaultsOfTheKeyTable) {
  const auto spec = DataSpec::from_config(config_of("data: {source: x.csv}"));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->delimiter, 0);
  EXPECT_EQ(spec->duplicates, "error");
  EXPECT_THAT(spec->null_markers, testing::Contains(""));
  EXPECT_TRUE(spec->columns.empty());
}

TEST(DataSpecFromConfig, RefusesWhatItCannotUse) {
  const auto missing = DataSpec::from_config(config_of("project: x"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("data.source"));
  for (const char* bad : {"'a'", "'\"'", "'::'", "'.'"}) {
    const auto spec = DataSpec::from_config(
        config_of(std::string("data: {source: x.csv, delimiter: ") + bad + "}"));
    ASSERT_FALSE(spec) << bad;
    EXPECT_THAT(spec.error().message, HasSubstr("data.delimiter"));
  }
}

TEST(SplitSpecFromConfig, ReadsTheSection) {
  const auto spec = SplitSpec::from_config(
      config_of("data: {split: {method: group, test: 0.3, seed: 7, group: household}}"));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->method, "group");
  EXPECT_EQ(spec->test_share, 0.3);
  EXPECT_EQ(spec->seed, 7u);
  EXPECT_EQ(spec->group_column, "household");
  EXPECT_FALSE(SplitSpec::from_config(config_of("data: {split: {method: group}}")));
  EXPECT_EQ(SplitSpec::from_config(config_of("project: x"))->method, "stratified");
}

}  // namespace
}  // namespace tenure::data
