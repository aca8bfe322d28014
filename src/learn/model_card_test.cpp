#include "learn/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenure::learn {
namespace {

using testing::HasSubstr;
using testing::Not;

ModelCard example() {
  ModelCard card;
  card.name = "telco-churn";
  card.run_id = "4f1e";
  card.architecture = "XGBoost 1.7.4, 400 rounds, preset stumps";
  card.params = {{"eta", "0.1"}, {"max_depth", "1"}};
  card.training_rows = 5634;
  card.training_positives = 1495;
  card.inputs = {"tenure", "Contract"};
  card.folds = 5;
  card.auc_mean = 0.8503;
  card.auc_sd = 0.0091;
  card.importance = {{.name = "Contract", .share = 0.7}, {.name = "tenure", .share = 0.3}};
  card.cross_validation.rows = 5634;
  card.cross_validation.positives = 1495;
  card.cross_validation.average_precision = 0.6709;
  card.cross_validation.confusion = {
      .true_negative = 3700, .false_positive = 439, .false_negative = 700, .true_positive = 795};
  return card;
}

TEST(ModelCard, SaysWhatIsKnownAndWhatIsNotStated) {
  const std::string text = to_markdown(example());
  EXPECT_THAT(text, HasSubstr("# Model card: telco-churn\n"));
  EXPECT_THAT(text, HasSubstr("- Run: 4f1e"));
  EXPECT_THAT(text, HasSubstr("- Owner: *not stated*"));
  EXPECT_THAT(text, HasSubstr("## Label\n\n*not stated*\n"));
  EXPECT_THAT(text, HasSubstr("| ROC AUC | 0.8503 ± 0.0091 |"));
  EXPECT_THAT(text, HasSubstr("0.6709 (base rate 0.2654)"));
  EXPECT_THAT(text, HasSubstr("1495 churn (26.5 %)"));
  EXPECT_THAT(text, HasSubstr("| churn | 700 | 795 |"));
  EXPECT_THAT(text, HasSubstr("| Contract | 70.0 % |"));
  EXPECT_THAT(text, HasSubstr("max\\_depth = 1"));
  EXPECT_THAT(text, HasSubstr("No rows were held out"));
  EXPECT_THAT(text, Not(HasSubstr("above 0.95")));
  EXPECT_THAT(text, Not(HasSubstr("Fewer than 100")));
}

TEST(ModelCard, ShowsHeldOutRowsBesideCrossValidation) {
  ModelCard card = example();
  card.test = card.cross_validation;
  card.test.auc = 0.8421;
  card.test.rows = 1409;
  card.label_definition = "left within 30 days";
  card.sensitive_inputs = {"SeniorCitizen"};
  const std::string text = to_markdown(card);
  EXPECT_THAT(text, HasSubstr("| ROC AUC | 0.8503 ± 0.0091 | 0.8421 |"));
  EXPECT_THAT(text, HasSubstr("on held-out rows"));
  EXPECT_THAT(text, HasSubstr("left within 30 days"));
  EXPECT_THAT(text, HasSubstr("Sensitive inputs: SeniorCitizen."));
}

TEST(ModelCard, WarnsOfWhatLooksTooGoodOrTooSmall) {
  ModelCard card = example();
  card.auc_mean = 0.97;
  card.training_positives = 60;
  const std::string text = to_markdown(card);
  EXPECT_THAT(text, HasSubstr("above 0.95 is rare"));
  EXPECT_THAT(text, HasSubstr("Fewer than 100 rows"));
}

TEST(ModelCard, TakesTextsOfPeopleAsText) {
  ModelCard card = example();
  card.owner = "<img src=x> | [x](http://x)\n# Not a title";
  card.inputs = {"a|b", "c_d"};
  const std::string text = to_markdown(card);
  EXPECT_THAT(text, Not(HasSubstr("<img")));
  EXPECT_THAT(text, Not(HasSubstr("\n# Not")));
  EXPECT_THAT(text, HasSubstr("a\\|b"));
}

}  // namespace
}  // namespace tenure::learn
