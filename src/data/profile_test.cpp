#include "data/profile.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/id.h"

namespace tenure::data {
namespace {

using core::ErrorCode;
using testing::HasSubstr;

class ProfileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_ / "spill", .threads = 2}));
    file_ = folder_ / "customers.csv";
    std::ofstream(file_, std::ios::binary) << "id,charge,plan,since,churn\n"
                                              "a1,1,basic,2024-01-05,No\n"
                                              "a2,2,plus,2024-02-01,Yes\n"
                                              "a3,3,basic,2023-12-01,No\n"
                                              "a4,4,basic,2024-01-07,Yes\n"
                                              "a5,5,,2024-01-08,\n"
                                              "a6,6,plus,2024-01-09,No\n"
                                              "a7,7,basic,2024-01-10,No\n"
                                              "a8,8,basic,2024-01-11,Yes\n"
                                              "a9,9,plus,2024-01-12,Yes\n"
                                              "b1,10,basic,2024-01-13,No\n"
                                              "b2,11,basic,2024-01-14,No\n"
                                              "b3,-,basic,2024-01-15,No\n";
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  Profile profile(const std::string& label = "") {
    auto made = profile_file(*engine_, file_, label, "");
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : Profile{};
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ProfileTest, DescribesNumbers) {
  const Profile made = profile();
  EXPECT_EQ(made.rows, 12);
  ASSERT_EQ(made.columns.size(), 5U);
  const Profile::Column& charge = made.columns[1];
  EXPECT_EQ(charge.name, "charge");
  EXPECT_EQ(charge.type, ColumnType::kInteger);
  EXPECT_EQ(charge.nulls, 1);
  EXPECT_EQ(charge.distinct, 11);
  ASSERT_TRUE(charge.numbers);
  EXPECT_DOUBLE_EQ(charge.numbers->min, 1);
  EXPECT_DOUBLE_EQ(charge.numbers->mean, 6);
  EXPECT_DOUBLE_EQ(charge.numbers->max, 11);
  EXPECT_DOUBLE_EQ(charge.numbers->sd, std::sqrt(11.0));
  EXPECT_DOUBLE_EQ(charge.numbers->q25, 3.5);
  EXPECT_DOUBLE_EQ(charge.numbers->q50, 6);
  EXPECT_DOUBLE_EQ(charge.numbers->q75, 8.5);
  EXPECT_TRUE(charge.quartiles.empty());
}

TEST_F(ProfileTest, DescribesTextsAndTimes) {
  const Profile made = profile();
  EXPECT_TRUE(made.columns[0].top.empty()) << "a key has no frequent values";
  const Profile::Column& plan = made.columns[2];
  EXPECT_EQ(plan.nulls, 1);
  ASSERT_EQ(plan.top.size(), 2U);
  EXPECT_EQ(plan.top[0].value, "basic");
  EXPECT_EQ(plan.top[0].count, 8);
  EXPECT_FALSE(plan.top[0].rate);
  EXPECT_EQ(made.columns[3].type, ColumnType::kTimestamp);
  EXPECT_EQ(made.columns[3].first, "2023-12-01T00:00:00Z");
  EXPECT_EQ(made.columns[3].last, "2024-02-01T00:00:00Z");
}

TEST_F(ProfileTest, GivesTheRateOfTheEventPerValueAndQuartile) {
  const Profile made = profile("churn");
  EXPECT_EQ(made.positive, "Yes");
  EXPECT_DOUBLE_EQ(*made.positive_share, 4.0 / 11);
  EXPECT_DOUBLE_EQ(*made.columns[2].top[0].rate, 2.0 / 8);
  EXPECT_DOUBLE_EQ(*made.columns[2].top[1].rate, 2.0 / 3);
  const auto& quartiles = made.columns[1].quartiles;
  ASSERT_EQ(quartiles.size(), 4U);
  EXPECT_EQ(quartiles[0].value, "1 to 3");
  EXPECT_EQ(quartiles[0].count, 3);
  EXPECT_DOUBLE_EQ(*quartiles[0].rate, 1.0 / 3);
  EXPECT_EQ(quartiles[1].value, "4 to 6");
  EXPECT_DOUBLE_EQ(*quartiles[1].rate, 1.0 / 2) << "the row without a label does not count";
  EXPECT_EQ(quartiles[3].count, 3);
}

TEST_F(ProfileTest, WritesJsonWithNullWhereSomethingDoesNotApply) {
  const core::Json json = profile().to_json();
  EXPECT_EQ(*core::json_integer(json, "rows"), 12);
  const auto columns = core::json_array(json, "columns");
  ASSERT_TRUE(columns);
  const core::Json& charge = (**columns)[1];
  EXPECT_EQ(*core::json_text(charge, "type"), "integer");
  EXPECT_EQ(*core::json_number(charge, "q50"), 6);
  EXPECT_TRUE(charge.at("top_text").is_null());
  const core::Json& plan = (**columns)[2];
  EXPECT_TRUE(plan.at("mean").is_null());
  EXPECT_EQ(*core::json_text(plan, "top_text"), "basic 67 %, plus 25 %");
  EXPECT_EQ(core::to_text(plan.at("top")),
            R"([{"value":"basic","count":8},{"value":"plus","count":3}])");
  EXPECT_EQ(*core::json_text((**columns)[3], "min"), "2023-12-01T00:00:00Z");
}

TEST_F(ProfileTest, DescribesAColumnWithoutValues) {
  std::ofstream(file_, std::ios::binary) << "a,b\n1,\n2,NA\n";
  const Profile made = profile();
  EXPECT_EQ(made.columns[1].nulls, 2);
  EXPECT_EQ(made.columns[1].distinct, 0);
  EXPECT_FALSE(made.columns[1].numbers);
}

TEST_F(ProfileTest, RefusesWhatIsNotThere) {
  auto made = profile_file(*engine_, file_, "chrun", "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(made.error().message, HasSubstr("did you mean 'churn'?"));
  made = profile_file(*engine_, folder_ / "none.csv", "", "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kNotFound);
  made = profile_file(*engine_, file_, "plan", "gold");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("never has the positive value 'gold'"));
}

}  // namespace
}  // namespace tenure::data
