#include "pipelines/runner.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/file.h"
#include "core/id.h"

namespace tenure::pipelines {
namespace {

using core::Error;
using core::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

/// Each question moves it on, so waiting ends by itself.
class RunningClock final : public core::Clock {
 public:
  core::Micros now() const override { return now_.fetch_add(100'000); }
  std::int64_t monotonic_ns() const override { return monotonic_ns_.fetch_add(500'000'000); }
  std::int64_t waited_ns() const { return monotonic_ns_.load(); }

 private:
  mutable std::atomic<core::Micros> now_{1'000'000'000};
  mutable std::atomic<std::int64_t> monotonic_ns_{0};
};

class RecordingObserver final : public RunObserver {
 public:
  void on_step(const RunRecord&, const StepRecord& step) override {
    events.push_back(step.name + " " + std::string(step_state_name(step.state)));
  }
  void on_progress(const StepRecord& step, std::uint64_t done, std::uint64_t total,
                   std::string_view note) override {
    events.push_back(fmt::format("{} {}/{} {}", step.name, done, total, note));
  }
  std::vector<std::string> events;
};

StepSpec spec(std::string name, std::vector<std::string> needs = {}, int retries = 0) {
  StepSpec step;
  step.run = name;
  step.name = std::move(name);
  step.needs = std::move(needs);
  step.retries = retries;
  return step;
}

std::vector<std::string> states(const RunRecord& run) {
  std::vector<std::string> list;
  for (const StepRecord& step : run.steps)
    list.push_back(step.name + " " + std::string(step_state_name(step.state)));
  return list;
}

/// A chain a, b, c whose steps write <name>.txt and can be told to fail.
class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    for (const char* name : {"a", "b", "c"}) {
      steps_.add(name, "", [this, name](const StepContext& context) -> core::Result<StepResult> {
        calls_.push_back(name);
        if (failures_[name] > 0) {
          --failures_[name];
          return Error{ErrorCode::kUnavailable, "down"};
        }
        if (during_) during_(context);
        const auto file = project_ / (std::string(name) + ".txt");
        std::string content = name;
        for (const auto& [step, output] : context.outputs) content += " after " + step;
        if (auto written = core::write_file_atomically(file, content); !written)
          return std::move(written).error();
        StepResult result;
        result.output["by"] = name;
        if (name == reader_)
          result.inputs.push_back(record_file(project_ / "in", project_).value());
        result.outputs.push_back(record_file(file, project_).value());
        result.summary = "done";
        return result;
      });
    }
    options_.config_digest = "digest";
    options_.directory = project_ / ".tenure" / "runs";
  }
  ~RunnerTest() override { std::filesystem::remove_all(project_); }

  core::Result<RunRecord> run() {
    calls_.clear();
    observer_.events.clear();
    return runner_.run(dag_, options_, &observer_, &record_);
  }

  const std::filesystem::path project_ =
      std::filesystem::temp_directory_path() / core::random_hex_id();
  std::unique_ptr<storage::Database> database_ =
      storage::open_database("sqlite://:memory:", ".").value();
  RunningClock clock_;
  StepRegistry steps_;
  Dag dag_ = Dag::make("p", {spec("a"), spec("b", {"a"}), spec("c", {"b"})}).value();
  Runner runner_ = Runner::open(*database_, clock_, steps_).value();
  RunOptions options_;
  RecordingObserver observer_;
  RunRecord record_;
  std::vector<std::string> calls_;
  std::map<std::string, int> failures_;
  std::string reader_;  // the step that reads a file `in`
  std::function<void(const StepContext&)> during_;
};

TEST_F(RunnerTest, RunsStepsInOrderAndKeepsTheRecord) {
  during_ = [](const StepContext& context) {
    context.progress(1, 2, "half");
    EXPECT_EQ(context.attempt, 1);
    EXPECT_FALSE(context.is_cancelled->load());
    EXPECT_TRUE(std::filesystem::is_directory(context.directory));
    if (context.step == "c") {
      EXPECT_EQ(context.outputs.at("a").as_object().at("by").as_string(), "a");
      EXPECT_EQ(context.outputs.size(), 2u);
    }
  };
  const auto run_result = run();
  ASSERT_TRUE(run_result.has_value()) << run_result.error().message;
  EXPECT_THAT(states(*run_result), ElementsAre("a succeeded", "b succeeded", "c succeeded"));
  EXPECT_THAT(observer_.events,
              ElementsAre("a running", "a 1/2 half", "a succeeded", "b running", "b 1/2 half",
                          "b succeeded", "c running", "c 1/2 half", "c succeeded"));
  const RunRecord kept = runner_.get(run_result->id).value();
  EXPECT_EQ(kept.state, "succeeded");
  EXPECT_EQ(states(kept), states(*run_result));
  EXPECT_GT(kept.ended, kept.started);
  EXPECT_EQ(kept.steps[2].result.outputs[0].path, "c.txt");
  EXPECT_EQ(kept.steps[2].result.summary, "done");
  EXPECT_EQ(runner_.list(10).value().size(), 1u);
}

TEST_F(RunnerTest, StopsAtAFailureWithTheErrorOfTheStep) {
  failures_["b"] = 1;
  const auto failed = run();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(failed.error().message, "b: down");
  EXPECT_THAT(states(record_), ElementsAre("a succeeded", "b failed", "c skipped"));
  const RunRecord kept = runner_.get(record_.id).value();
  EXPECT_EQ(kept.state, "failed");
  EXPECT_EQ(states(kept), states(record_));
  EXPECT_EQ(kept.steps[1].error, "down");
  EXPECT_EQ(kept.steps[1].error_code, "unavailable");
  // A failed run is over: the next one begins anew.
  ASSERT_TRUE(run().has_value());
  EXPECT_NE(record_.id, kept.id);
  EXPECT_THAT(calls_, ElementsAre("a", "b", "c"));
}

TEST_F(RunnerTest, RetriesWithAPauseThatDoubles) {
  dag_.steps[0].retries = 3;
  dag_.steps[0].retry_delay = core::kMicrosPerSecond;
  failures_["a"] = 3;
  const auto before_ns = clock_.waited_ns();
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(calls_, ElementsAre("a", "a", "a", "a", "b", "c"));
  EXPECT_EQ(record_.steps[0].attempt, 4);
  EXPECT_EQ(record_.steps[0].error, "");
  EXPECT_GE(clock_.waited_ns() - before_ns, (1 + 2 + 4) * 1'000'000'000LL);
  EXPECT_THAT(observer_.events[1], "a pending");
}

TEST_F(RunnerTest, FailsWhenTheRetriesAreUsedUp) {
  dag_.steps[0].retries = 1;
  failures_["a"] = 2;
  EXPECT_FALSE(run().has_value());
  EXPECT_THAT(calls_, ElementsAre("a", "a"));
  EXPECT_EQ(record_.steps[0].attempt, 2);
}

TEST_F(RunnerTest, AnExceptionOfAStepIsItsFailure) {
  during_ = [](const StepContext&) { throw std::runtime_error("boom"); };
  const auto failed = run();
  EXPECT_EQ(failed.error().code, ErrorCode::kInternal);
  EXPECT_THAT(failed.error().message, HasSubstr("a: the step threw: boom"));
}

TEST_F(RunnerTest, CancelsBetweenSteps) {
  std::atomic<bool> flag{false};
  options_.is_cancelled = &flag;
  during_ = [&](const StepContext& context) { flag = context.step == "b"; };
  const auto cancelled = run();
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_THAT(states(record_), ElementsAre("a succeeded", "b succeeded", "c cancelled"));
  EXPECT_EQ(runner_.get(record_.id).value().state, "cancelled");
  flag = false;
  during_ = nullptr;
  EXPECT_TRUE(run().has_value());
  EXPECT_THAT(calls_, ElementsAre("a", "b", "c"));
}

TEST_F(RunnerTest, TellsARunningStepToStop) {
  std::atomic<bool> flag{false};
  options_.is_cancelled = &flag;
  StepRegistry steps;
  steps.add("a", "", [&](const StepContext& context) -> core::Result<StepResult> {
    flag = true;
    while (!context.is_cancelled->load()) std::this_thread::yield();
    return Error{ErrorCode::kUnavailable, "interrupted in the middle"};
  });
  const Dag dag = Dag::make("p", {spec("a", {}, 5)}).value();
  Runner runner = Runner::open(*database_, clock_, steps).value();
  const auto cancelled = runner.run(dag, options_, nullptr, &record_);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(record_.steps[0].state, StepState::kCancelled);
}

TEST_F(RunnerTest, CancellingEndsThePauseBeforeARetry) {
  core::ManualClock still(1'000'000'000);
  std::atomic<bool> flag{false};
  options_.is_cancelled = &flag;
  StepRegistry steps;
  std::thread canceller;
  steps.add("a", "", [&](const StepContext&) -> core::Result<StepResult> {
    canceller = std::thread([&] { flag = true; });
    return Error{ErrorCode::kUnavailable, "down"};
  });
  StepSpec patient = spec("a", {}, 1);
  patient.retry_delay = 3600 * core::kMicrosPerSecond;
  Runner runner = Runner::open(*database_, still, steps).value();
  const auto cancelled = runner.run(Dag::make("p", {patient}).value(), options_, nullptr, &record_);
  canceller.join();
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
}

TEST_F(RunnerTest, FromReusesTheNewestResults) {
  ASSERT_TRUE(run().has_value());
  options_.from = "b";
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(calls_, ElementsAre("b", "c"));
  EXPECT_THAT(states(record_), ElementsAre("a reused", "b succeeded", "c succeeded"));
  EXPECT_EQ(record_.steps[0].result.output.at("by").as_string(), "a");
  EXPECT_EQ(observer_.events.front(), "a reused");
  EXPECT_EQ(core::read_file(project_ / "c.txt").value(), "c after a after b");
  options_.from = "c";
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(calls_, ElementsAre("c"));
  EXPECT_EQ(runner_.list(10).value().size(), 3u);
}

TEST_F(RunnerTest, FromNeedsAnEarlierSuccess) {
  options_.from = "b";
  const auto never = run();
  EXPECT_EQ(never.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(never.error().message, HasSubstr("'a' cannot be reused"));
  options_.from = "x";
  const auto unknown = run();
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("its steps: a, b, c"));
  EXPECT_TRUE(calls_.empty());
}

TEST_F(RunnerTest, FromRefusesFilesThatChangedOrVanished) {
  ASSERT_TRUE(run().has_value());
  options_.from = "c";
  ASSERT_TRUE(core::write_file_atomically(project_ / "b.txt", "edited").has_value());
  const auto changed = run();
  EXPECT_EQ(changed.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(changed.error().message, HasSubstr("'b' cannot be reused: b.txt has changed since"));
  std::filesystem::remove(project_ / "b.txt");
  EXPECT_THAT(run().error().message, HasSubstr("b.txt"));
  options_.from = "b";
  EXPECT_TRUE(run().has_value());
}

TEST_F(RunnerTest, FromRefusesResultsWhoseInputChanged) {
  std::filesystem::create_directories(project_);
  ASSERT_TRUE(core::write_file_atomically(project_ / "in", "old").has_value());
  reader_ = "a";
  ASSERT_TRUE(run().has_value());
  options_.from = "c";
  ASSERT_TRUE(run().has_value());
  ASSERT_TRUE(core::write_file_atomically(project_ / "in", "new").has_value());
  const auto changed = run();
  EXPECT_EQ(changed.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(changed.error().message, HasSubstr("'a' cannot be reused: in has changed since"));
  options_.from = "a";
  EXPECT_TRUE(run().has_value());
}

TEST_F(RunnerTest, FromRefusesResultsOlderThanWhatTheyNeed) {
  ASSERT_TRUE(run().has_value());
  failures_["b"] = 1;
  ASSERT_FALSE(run().has_value());
  options_.from = "c";
  EXPECT_THAT(run().error().message,
              HasSubstr("'b' cannot be reused: 'a', which it needs, has run"));
  options_.from = "b";
  EXPECT_TRUE(run().has_value());
}

TEST_F(RunnerTest, RefusesStepsThatDoNotExist) {
  dag_.steps[1].run = "bb";
  const auto unknown = run();
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("no step 'bb' to run"));
  EXPECT_THAT(unknown.error().message, HasSubstr("known: a, b, c"));
  EXPECT_TRUE(calls_.empty());
}

TEST_F(RunnerTest, OneAtATime) {
  std::string refusal;
  during_ = [&](const StepContext& context) {
    if (context.step != "a") return;
    const auto second =
        Runner::open(*database_, clock_, steps_).value().run(dag_, options_, nullptr);
    refusal = second ? "" : second.error().message;
  };
  // The clock of this test runs ahead by itself; a lease must not grow old by it.
  ASSERT_TRUE(run().has_value());
  EXPECT_THAT(refusal, HasSubstr(fmt::format("process {} since", ::getpid())));
  EXPECT_THAT(calls_, ElementsAre("a", "b", "c"));
}

TEST_F(RunnerTest, SaysWhenThereIsNoSuchRun) {
  EXPECT_EQ(runner_.get("nope").error().code, ErrorCode::kNotFound);
}

/// What should happen, in the simplest form: steps in order, each tried retries + 1 times, until
/// one fails for good.
std::vector<std::string> reference(const Dag& dag, std::map<std::string, int> failures,
                                   std::vector<std::string>& calls) {
  std::vector<std::string> expected;
  bool is_over = false;
  for (const StepSpec& step : dag.steps) {
    if (is_over) {
      expected.push_back(step.name + " skipped");
      continue;
    }
    const int attempts = std::min(failures[step.name], step.retries) + 1;
    for (int i = 0; i < attempts; ++i) calls.push_back(step.run);
    is_over = failures[step.name] > step.retries;
    expected.push_back(step.name + (is_over ? " failed" : " succeeded"));
  }
  return expected;
}

RC_GTEST_PROP(Runner, DoesWhatTheReferenceModelSays, ()) {
  const int count = *rc::gen::inRange(1, 7);
  std::vector<StepSpec> specs;
  std::map<std::string, int> failures;
  std::vector<std::string> calls;
  StepRegistry steps;
  for (int i = 0; i < count; ++i) {
    const std::string name = "s" + std::to_string(i);
    std::vector<std::string> needs;
    for (int j = 0; j < i; ++j)
      if (*rc::gen::arbitrary<bool>()) needs.push_back("s" + std::to_string(j));
    specs.push_back(spec(name, needs, *rc::gen::inRange(0, 3)));
    specs.back().retry_delay = 0;
    failures[name] = *rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {1, 2}, {1, 3}});
  }
  std::map<std::string, int> left = failures;
  for (const StepSpec& step : specs) {
    steps.add(step.name, "", [&, name = step.name](const StepContext&) -> core::Result<StepResult> {
      calls.push_back(name);
      if (left[name]-- > 0) return Error{ErrorCode::kUnavailable, "down"};
      return StepResult{};
    });
  }
  for (std::size_t i = specs.size(); i > 1; --i)
    std::swap(specs[i - 1],
              specs[static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(i)))]);
  const Dag dag = Dag::make("p", specs).value();
  const auto project = std::filesystem::temp_directory_path() / core::random_hex_id();
  const auto database = storage::open_database("sqlite://:memory:", ".").value();
  const RunningClock clock;
  Runner runner = Runner::open(*database, clock, steps).value();
  RunRecord record;
  const auto done = runner.run(
      dag, {.from = "", .config_digest = "", .directory = project / "a" / "b"}, nullptr, &record);
  std::filesystem::remove_all(project);
  std::vector<std::string> expected_calls;
  const auto expected = reference(dag, failures, expected_calls);
  RC_ASSERT(states(record) == expected);
  RC_ASSERT(calls == expected_calls);
  RC_ASSERT(states(runner.get(record.id).value()) == expected);
  RC_ASSERT(done.has_value() == (record.state == "succeeded"));
}

}  // namespace
}  // namespace tenure::pipelines
