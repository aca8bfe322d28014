#include "monitoring/label_store.h"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "core/clock.h"
#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/audit.h"
#include "tracking/experiments.h"

namespace tenure::monitoring {
namespace {

constexpr core::Micros kNow = 1'700'000'000'000'000;
constexpr core::Micros kDay = 24LL * 3600 * core::kMicrosPerSecond;

OutcomeLabel of_prediction(std::string id, bool has_happened, core::Micros time = kNow) {
  OutcomeLabel label;
  label.model = "churn";
  label.prediction_id = std::move(id);
  label.time = time;
  label.has_happened = has_happened;
  return label;
}
OutcomeLabel of_customer(std::string id, bool has_happened, core::Micros time = kNow) {
  OutcomeLabel label = of_prediction("", has_happened, time);
  label.entity_id = std::move(id);
  return label;
}

class LabelStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tracking::prepare_schema(*database_, kNow).has_value());
    ASSERT_TRUE(store_.prepare().has_value());
    ASSERT_TRUE(store_.prepare().has_value()) << "twice is once";
  }
  std::int64_t add(const std::vector<OutcomeLabel>& labels) {
    const auto added = store_.add(labels, "ann");
    EXPECT_TRUE(added.has_value()) << added.error().message;
    return added.value_or(-1);
  }
  std::vector<OutcomeLabel> all() { return *store_.after(0, 1'000'000); }

  storage::testing::TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_ =
      storage::testing::open_test_database(folder_.path());
  LabelStore store_{*database_, clock_};
};

TEST_F(LabelStoreTest, KeepsWhatItIsToldInItsOrder) {
  EXPECT_EQ(store_.position()->last_id, 0);
  EXPECT_EQ(add({of_prediction("p1", true), of_customer("C-1", false, kNow - kDay)}), 2);
  const auto labels = all();
  ASSERT_EQ(labels.size(), 2U);
  EXPECT_LT(labels[0].id, labels[1].id);
  EXPECT_EQ(labels[1].id, store_.position()->last_id);
  const auto& one = labels[0].prediction_id.empty() ? labels[1] : labels[0];
  EXPECT_EQ(one.prediction_id, "p1");
  EXPECT_EQ(one.model, "churn");
  EXPECT_TRUE(one.has_happened);
  EXPECT_EQ(one.received, kNow);
  EXPECT_EQ(store_.after(labels[0].id, 10)->size(), 1U);
  EXPECT_EQ(store_.after(0, 1)->size(), 1U);
}

TEST_F(LabelStoreTest, TakesTheSameLabelOnce) {
  const std::vector<OutcomeLabel> labels{of_prediction("p1", true), of_customer("C-1", true)};
  EXPECT_EQ(add(labels), 2);
  EXPECT_EQ(add(labels), 0);
  EXPECT_EQ(add({labels[0], labels[0], of_prediction("p2", false)}), 1);
  EXPECT_EQ(all().size(), 3U);
}

TEST_F(LabelStoreTest, LetsALaterLabelCorrectAnEarlierOneAndNotTheReverse) {
  add({of_prediction("p1", true, kNow)});
  const std::int64_t before = store_.position()->last_id;
  EXPECT_EQ(add({of_prediction("p1", false, kNow + kDay)}), 1);
  ASSERT_EQ(all().size(), 1U);
  EXPECT_FALSE(all()[0].has_happened);
  EXPECT_GT(all()[0].id, before) << "whoever read the old one meets the new one";
  EXPECT_EQ(add({of_prediction("p1", true, kNow)}), 0);
  EXPECT_FALSE(all()[0].has_happened);
  // A customer has one for each time.
  add({of_customer("C-1", false, kNow - kDay), of_customer("C-1", true, kNow)});
  EXPECT_EQ(add({of_customer("C-1", true, kNow - kDay)}), 1);
  EXPECT_EQ(all().size(), 3U);
}

TEST_F(LabelStoreTest, TellsApartModelsCustomersAndPredictionsOfOneName) {
  OutcomeLabel other = of_customer("1", true);
  other.model = "upsell";
  EXPECT_EQ(add({of_prediction("1", true), of_customer("1", true), other}), 3);
  EXPECT_EQ(add({of_prediction("1", false)}), 1);
  EXPECT_EQ(all().size(), 3U);
}

TEST_F(LabelStoreTest, TakesManyAtOnce) {
  std::vector<OutcomeLabel> labels;
  for (int i = 0; i < 3'000; ++i) labels.push_back(of_customer(std::to_string(i), i % 3 == 0));
  EXPECT_EQ(add(labels), 3'000);
  for (OutcomeLabel& label : labels) label.has_happened = !label.has_happened;
  EXPECT_EQ(add(labels), 3'000);
  EXPECT_EQ(all().size(), 3'000U);
  EXPECT_EQ(std::ranges::count(all(), true, &OutcomeLabel::has_happened), 2'000);
}

JoinedOutcome outcome(std::string subject, std::int64_t version, double probability,
                      bool has_happened, core::Micros predicted = kNow) {
  JoinedOutcome one;
  one.model = "churn";
  one.version = version;
  one.subject = subject;
  one.prediction_id = "p-" + subject + std::to_string(predicted);
  one.predicted = predicted;
  one.probability = probability;
  one.has_happened = has_happened;
  one.label_time = kNow + kDay;
  one.label_id = 1;
  return one;
}

TEST_F(LabelStoreTest, SumsWhatCameOfTheCustomersOfEachVersion) {
  add({of_customer("someone", true)});  // number 1, which the outcomes name
  const std::vector<JoinedOutcome> outcomes{outcome("a", 1, 0.2, false), outcome("b", 1, 0.2, true),
                                            outcome("c", 1, 0.9, true), outcome("d", 1, 0.5, false),
                                            outcome("a", 2, 0.7, true)};
  ASSERT_TRUE(store_.join(outcomes).has_value());
  ASSERT_TRUE(store_.join(outcomes).has_value()) << "twice is once";
  const auto versions = *store_.outcomes(kNow);
  ASSERT_EQ(versions.size(), 2U);
  serving::OutcomeSums sums;
  for (std::size_t i = 0; i < 4; ++i) sums.add(outcomes[i].probability, outcomes[i].has_happened);
  EXPECT_EQ(versions[0].version, 1);
  EXPECT_EQ(versions[0].sums.customers, 4U);
  EXPECT_EQ(versions[0].sums.events, 2U);
  EXPECT_NEAR(versions[0].sums.expected, sums.expected, 1e-12);
  EXPECT_NEAR(versions[0].sums.variance, sums.variance, 1e-12);
  EXPECT_NEAR(versions[0].sums.squared_error, sums.squared_error, 1e-12);
  EXPECT_NEAR(versions[0].sums.excess_variance, sums.excess_variance, 1e-12);
  EXPECT_EQ(versions[1].sums.customers, 1U);
  EXPECT_TRUE(store_.outcomes(kNow - 1)->empty()) << "too young";
}

TEST_F(LabelStoreTest, KeepsTheNewestPredictionOfACustomerAndTheLatestLabelOfIt) {
  add({of_customer("someone", true), of_customer("another", true)});
  ASSERT_TRUE(store_.join(std::vector{outcome("a", 1, 0.4, false, kNow)}).has_value());
  ASSERT_TRUE(store_.join(std::vector{outcome("a", 1, 0.3, true, kNow - 5)}).has_value());
  EXPECT_EQ(store_.outcomes(kNow)->front().sums.events, 0U);
  JoinedOutcome corrected = outcome("a", 1, 0.4, true, kNow);
  corrected.label_id = 2;
  ASSERT_TRUE(store_.join(std::vector{corrected}).has_value());
  EXPECT_EQ(store_.outcomes(kNow)->front().sums.events, 1U);
  ASSERT_TRUE(store_.join(std::vector{outcome("a", 1, 0.8, false, kNow + 5)}).has_value());
  const auto sums = store_.outcomes(kNow + 5)->front().sums;
  EXPECT_EQ(sums.customers, 1U);
  EXPECT_NEAR(sums.expected, 0.8, 1e-12);
}

TEST_F(LabelStoreTest, ErasesACustomerOfEveryModelAndKeepsTheNumbersInTheTrail) {
  OutcomeLabel other = of_customer("C-1", true);
  other.model = "upsell";
  add({of_customer("C-1", true), of_customer("C-1", false, kNow - kDay), other,
       of_customer("C-2", true), of_prediction("p1", true), of_prediction("p2", true),
       of_prediction("p3", true)});
  JoinedOutcome joined = outcome("C-1", 1, 0.5, true);
  joined.prediction_id = "p1";
  ASSERT_TRUE(store_.join(std::vector{joined, outcome("C-2", 1, 0.5, true)}).has_value());
  const auto before = *store_.position();
  const std::vector<std::string> customers{"C-1", "C-1", "it's nobody"};
  const auto erased = store_.erase(customers, {"p2", "unknown"}, {"ann", "a request", nullptr});
  ASSERT_TRUE(erased.has_value()) << erased.error().message;
  EXPECT_EQ(erased->labels, 5) << "of both models, and p1, which the outcome knows, and p2";
  EXPECT_EQ(erased->outcomes, 1);
  EXPECT_FALSE(*store_.position() == before);
  ASSERT_EQ(all().size(), 2U);
  EXPECT_EQ(store_.outcomes(kNow)->front().sums.customers, 1U);
  const auto trail = *tracking::read_audit(*database_, "labels", 10);
  ASSERT_EQ(trail.size(), 1U);
  EXPECT_EQ(trail[0].actor, "ann");
  EXPECT_EQ(trail[0].action, "erase");
  EXPECT_EQ(trail[0].reason, "a request");
  EXPECT_EQ(core::to_text(trail[0].evidence), R"({"customers":2,"labels":5,"outcomes":1})");
}

TEST_F(LabelStoreTest, LeavesOutWhatALabelSaidThatWasErasedMeanwhile) {
  add({of_customer("C-1", true), of_customer("C-2", true)});
  std::vector<JoinedOutcome> found;
  for (const OutcomeLabel& label : all()) {
    found.push_back(outcome(label.entity_id, 1, 0.5, true));
    found.back().label_id = label.id;
  }
  ASSERT_TRUE(store_.erase(std::vector<std::string>{"C-1"}, {}, {"ann", "", nullptr}).has_value());
  ASSERT_TRUE(store_.join(found).has_value());
  EXPECT_EQ(store_.outcomes(kNow)->front().sums.customers, 1U);
}

TEST(ReadOutcome, ReadsWordsOfBothKindsAndTheModelsOwn) {
  for (const char* text : {"1", "1.0", "true", "Yes", "TRUE", "Churn"})
    EXPECT_EQ(read_outcome(text, "churn", "stay"), true) << text;
  for (const char* text : {"0", "0.0", "False", "no", "STAY"})
    EXPECT_EQ(read_outcome(text, "churn", "stay"), false) << text;
  for (const char* text : {"", "2", "maybe", "-1", "nan"})
    EXPECT_EQ(read_outcome(text, "churn", "stay"), std::nullopt) << text;
  EXPECT_EQ(read_outcome("no", "No", "Yes"), true) << "the model's word for its event";
  EXPECT_EQ(read_outcome("", "", ""), std::nullopt);
}

}  // namespace
}  // namespace tenure::monitoring
