#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learn/trainer.h"

namespace tenure::learn {
namespace {

TEST(TrainSpec, ReadsTheSectionOfTheModel) {
  const auto config = core::parse_config(R"(project: churn
model:
  preset: stumps
  rounds: 300
  early_stopping_rounds: 0
  seed: 7
  params: {max_depth: 2, eta: 0.05}
  cross_validation: {folds: 10}
  transform:
    impute: median
    encode: target
    categories_max: 12
    log: [tenure]
    crosses: ["Contract * tenure"]
)",
                                         {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const auto spec = TrainSpec::from_config(*config);
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  EXPECT_EQ(spec->preset, "stumps");
  EXPECT_EQ(spec->rounds, 300);
  EXPECT_EQ(spec->early_stopping_rounds, 0);
  EXPECT_EQ(spec->seed, 7U);
  EXPECT_EQ(spec->folds, 10);
  EXPECT_THAT(spec->params,
              testing::ElementsAre(testing::Pair("eta", "0.05"), testing::Pair("max_depth", "2")));
  EXPECT_EQ(spec->transform.impute, "median");
  EXPECT_EQ(spec->transform.encode, "target");
  EXPECT_EQ(spec->transform.categories_max, 12U);
  EXPECT_THAT(spec->transform.log, testing::ElementsAre("tenure"));
  EXPECT_THAT(spec->transform.crosses, testing::ElementsAre("Contract * tenure"));
}

}  // namespace
}  // namespace tenure::learn
