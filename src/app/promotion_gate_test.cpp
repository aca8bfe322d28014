#include "app/promotion_gate.h"

#include <gtest/gtest.h>

namespace tenure::app {
namespace {

learn::Evaluation evaluation(double auc, double log_loss, double ece = 0.02) {
  learn::Evaluation result;
  result.rows = 1000;
  result.auc = auc;
  result.log_loss = log_loss;
  result.ece = ece;
  return result;
}

TEST(PromotionGate, PromotesWhatBeatsTheChampionAndSaysByHowMuch) {
  const Verdict verdict = PromotionGate{}.compare(evaluation(0.85, 0.40), evaluation(0.84, 0.41));
  EXPECT_TRUE(verdict.is_promoted);
  EXPECT_NE(verdict.reason.find("log_loss 0.4000 against the champion's 0.4100"),
            std::string::npos);
}

TEST(PromotionGate, KeepsTheChampionAgainstAnEqual) {
  EXPECT_FALSE(PromotionGate{}.compare(evaluation(0.85, 0.40), evaluation(0.85, 0.40)).is_promoted);
}

TEST(PromotionGate, WantsTheGainThatIsAskedFor) {
  const PromotionGate gate{
      .metric = "auc", .min_gain = 0.01, .auc_drop_max = 0.002, .ece_max = 0.1};
  EXPECT_FALSE(gate.compare(evaluation(0.855, 0.3), evaluation(0.85, 0.4)).is_promoted);
  EXPECT_TRUE(gate.compare(evaluation(0.861, 0.5), evaluation(0.85, 0.4)).is_promoted);
}

TEST(PromotionGate, NamesEveryConditionThatFails) {
  const Verdict verdict =
      PromotionGate{}.compare(evaluation(0.80, 0.45, 0.2), evaluation(0.85, 0.40));
  EXPECT_FALSE(verdict.is_promoted);
  for (const char* word : {"log_loss", "AUC falls", "calibration error"})
    EXPECT_NE(verdict.reason.find(word), std::string::npos) << verdict.reason;
}

TEST(PromotionGate, WithNobodyToCompareWantsMoreThanChance) {
  EXPECT_TRUE(PromotionGate{}.without_champion(evaluation(0.7, 0.4), "first").is_promoted);
  EXPECT_FALSE(PromotionGate{}.without_champion(evaluation(0.5, 0.4), "first").is_promoted);
  EXPECT_FALSE(PromotionGate{}.without_champion(evaluation(0.7, 0.4, 0.3), "first").is_promoted);
}

}  // namespace
}  // namespace tenure::app
