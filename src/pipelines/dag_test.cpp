#include "pipelines/dag.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenure::pipelines {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StepSpec step(std::string name, std::vector<std::string> needs = {}) {
  StepSpec spec;
  spec.run = name;
  spec.name = std::move(name);
  spec.needs = std::move(needs);
  return spec;
}

std::vector<std::string> names(const Dag& dag) {
  std::vector<std::string> list;
  for (const StepSpec& spec : dag.steps) list.push_back(spec.name);
  return list;
}

std::string mistake(std::vector<StepSpec> steps) {
  const auto dag = Dag::make("p", std::move(steps));
  EXPECT_FALSE(dag.has_value());
  if (dag) return {};
  EXPECT_EQ(dag.error().code, core::ErrorCode::kInvalidArgument);
  return dag.error().message;
}

TEST(Dag, KeepsTheOrderOfTheFileWhereItCan) {
  const auto dag = Dag::make("p", {step("d", {"c"}), step("a"), step("c", {"a"}), step("b")});
  ASSERT_TRUE(dag.has_value());
  EXPECT_THAT(names(*dag), ElementsAre("a", "c", "d", "b"));
}

TEST(Dag, RefusesWhatCannotRun) {
  EXPECT_THAT(mistake({}), HasSubstr("no steps"));
  EXPECT_THAT(mistake({step("train"), step("b", {"trian"})}),
              HasSubstr("step 'b' needs 'trian', which is no step of this pipeline (did you mean "
                        "'train'?)"));
  EXPECT_THAT(mistake({step("a"), step("a")}), HasSubstr("two steps named 'a'"));
  EXPECT_THAT(mistake({step("")}), HasSubstr("no name"));
  EXPECT_THAT(mistake({step("a", {"a"})}), HasSubstr("circle: a -> a"));
  EXPECT_THAT(mistake({step("x"), step("t", {"a"}), step("a", {"x", "b"}), step("b", {"c"}),
                       step("c", {"a"})}),
              HasSubstr("circle: a -> b -> c -> a"));
}

TEST(Dag, KnowsWhatDependsOnAStep) {
  const Dag dag =
      Dag::make("p", {step("a"), step("b", {"a"}), step("c"), step("d", {"b", "c"})}).value();
  EXPECT_THAT(dag.downstream_of("a"), ElementsAre("a", "b", "d"));
  EXPECT_THAT(dag.downstream_of("c"), ElementsAre("c", "d"));
  EXPECT_THAT(dag.downstream_of("d"), ElementsAre("d"));
  EXPECT_THAT(dag.downstream_of("x"), ElementsAre());
}

TEST(Dag, ReadsTheSectionPipelines) {
  const auto config = core::parse_config(R"(
pipelines:
  nightly:
    steps:
      ingest:
      "split it": {run: split, with: {"test size": 0.2}}
      train: {retries: 2, retry_delay: 5s}
      report: {needs: [ingest, train]}
      extra: {needs: []}
  other: {steps: {a: {run: ingest}}}
)",
                                         {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const auto dags = Dag::from_config(*config, {});
  ASSERT_TRUE(dags.has_value()) << dags.error().message;
  ASSERT_EQ(dags->size(), 2u);
  const Dag& dag = dags->front();
  EXPECT_EQ(dag.name, "nightly");
  EXPECT_THAT(names(dag), ElementsAre("ingest", "split it", "train", "report", "extra"));
  EXPECT_EQ(dag.steps[0].run, "ingest");
  EXPECT_EQ(dag.steps[1].run, "split");
  EXPECT_EQ(dag.steps[1].with.at("test size"), "0.2");
  EXPECT_THAT(dag.steps[1].needs, ElementsAre("ingest"));
  EXPECT_EQ(dag.steps[2].retries, 2);
  EXPECT_EQ(dag.steps[2].retry_delay, 5'000'000);
  EXPECT_THAT(dag.steps[3].needs, ElementsAre("ingest", "train"));
  EXPECT_TRUE(dag.steps[4].needs.empty());
}

TEST(Dag, NamesTheLineOfAMistakeInTheFile) {
  const auto config = core::parse_config(
      "pipelines:\n  p:\n    steps:\n      a: {needs: [b]}\n      b: {needs: [a]}\n", {});
  const auto dags = Dag::from_config(config.value(), {});
  ASSERT_FALSE(dags.has_value());
  EXPECT_THAT(dags.error().message, HasSubstr("tenure.yaml:3: pipelines.p.steps: "));
  EXPECT_THAT(dags.error().message, HasSubstr("a -> b -> a"));
  const auto empty = core::parse_config("pipelines:\n  p:\n", {});
  EXPECT_THAT(Dag::from_config(empty.value(), {}).error().message, HasSubstr("no steps"));
}

TEST(Dag, TakesTheDefaultStepsWhenNoPipelineIsWritten) {
  const auto config = core::parse_config("project: p", {});
  const std::vector<std::string> steps = {"ingest", "train"};
  const auto dags = Dag::from_config(config.value(), steps);
  ASSERT_EQ(dags.value().size(), 1u);
  EXPECT_EQ(dags->front().name, "train");
  EXPECT_THAT(names(dags->front()), ElementsAre("ingest", "train"));
  EXPECT_THAT(dags->front().steps[1].needs, ElementsAre("ingest"));
}

RC_GTEST_PROP(Dag, PutsEveryStepAfterWhatItNeedsOrFindsACircle, ()) {
  const int count = *rc::gen::inRange(1, 9);
  std::vector<StepSpec> steps;
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> needs;
    for (const int need : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, count)))
      if (need % 3 != 0 && needs.size() < 2) needs.push_back("s" + std::to_string(need));
    steps.push_back(step("s" + std::to_string(i), needs));
  }
  const auto dag = Dag::make("p", steps);
  if (!dag) {
    RC_ASSERT(dag.error().message.find("circle: ") != std::string::npos);
    return;
  }
  RC_ASSERT(dag->steps.size() == steps.size());
  std::vector<std::string> seen;
  for (const StepSpec& spec : dag->steps) {
    for (const std::string& need : spec.needs)
      RC_ASSERT(std::find(seen.begin(), seen.end(), need) != seen.end());
    seen.push_back(spec.name);
  }
}

}  // namespace
}  // namespace tenure::pipelines
