#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/file.h"
#include "core/id.h"
#include "core/random.h"
#include "pipelines/run_store.h"
#include "pipelines/runner.h"

namespace tenure::pipelines {
namespace {

namespace fs = std::filesystem;
using core::ErrorCode;
using testing::HasSubstr;

/// A database whose process is killed before or after its n-th write.
class KillingDatabase final : public storage::Database {
 public:
  KillingDatabase(storage::Database& inner, int kill_at, bool is_after)
      : inner_(inner), kill_at_(kill_at), is_after_(is_after) {}

  core::Result<std::int64_t> execute(std::string_view sql,
                                     std::span<const storage::SqlValue> parameters) override {
    return inner_.execute(sql, parameters);
  }
  core::Result<> for_each(std::string_view sql, std::span<const storage::SqlValue> parameters,
                          const OnRow& on_row) override {
    return inner_.for_each(sql, parameters, on_row);
  }
  core::Result<> transaction(
      const std::function<core::Result<>(storage::SqlExecutor&)>& body) override {
    const bool is_the_one = ++count_ == kill_at_;
    if (is_the_one && !is_after_) ::raise(SIGKILL);
    auto done = inner_.transaction(body);
    if (is_the_one) ::raise(SIGKILL);
    return done;
  }
  std::string_view backend() const override { return inner_.backend(); }

 private:
  storage::Database& inner_;
  int kill_at_;
  bool is_after_;
  std::atomic<int> count_{0};
};

/// Runs moved ahead of the machine's clock.
class AheadClock final : public core::Clock {
 public:
  explicit AheadClock(core::Micros by) : by_(by) {}
  core::Micros now() const override { return system_.now() + by_; }
  std::int64_t monotonic_ns() const override { return system_.monotonic_ns(); }

 private:
  core::SystemClock system_;
  core::Micros by_;
};

/// Four steps over one project folder. Each appends its name to a journal (what was tried) and
/// writes a file that depends on the files before it (what came of it).
class CrashTest : public testing::Test {
 protected:
  CrashTest() {
    for (const char* name : {"a", "b", "c", "d"}) {
      steps_.add(name, "", [this, name](const StepContext& context) -> core::Result<StepResult> {
        std::ofstream(project_ / "journal", std::ios::app) << name << ' ';
        std::string content = fmt::format("{} {}", name, context.attempt);
        for (const auto& [step, output] : context.outputs)
          content += " " + std::string(output.as_object().at("content").as_string());
        if (name == kill_in_) ::raise(SIGKILL);
        if (name == report_and_stop_in_) {
          const char byte = 'x';
          static_cast<void>(::write(report_to_, &byte, 1));
          ::raise(SIGSTOP);
        }
        if (auto written = core::write_file_atomically(project_ / name, content); !written)
          return std::move(written).error();
        StepResult result;
        if (name == reader_)
          result.inputs.push_back(record_file(project_ / "in", project_).value());
        result.output["content"] = content;
        result.outputs.push_back(record_file(project_ / name, project_).value());
        return result;
      });
    }
    std::vector<StepSpec> specs;
    for (const char* name : {"a", "b", "c", "d"}) {
      StepSpec spec;
      spec.name = spec.run = name;
      if (!specs.empty()) spec.needs = {specs.back().name};
      specs.push_back(spec);
    }
    dag_ = Dag::make("p", specs).value();
    fs::create_directories(project_);
  }
  ~CrashTest() override { fs::remove_all(project_); }

  core::Result<RunRecord> run(const core::Clock& clock, int kill_at = 0, bool is_after = false) {
    auto database = storage::open_database("sqlite:///state.db", project_.string());
    if (!database) return std::move(database).error();
    // The tables are made before the count begins.
    if (auto opened = Runner::open(**database, clock, steps_); !opened)
      return std::move(opened).error();
    KillingDatabase killing(**database, kill_at, is_after);
    return Runner(*Runner::open(killing, clock, steps_))
        .run(dag_, {.from = "", .config_digest = "d", .directory = project_ / ".tenure" / "runs"},
             nullptr);
  }

  /// Runs `body` in a child process; answers wait's status.
  template <typename Body>
  static int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }

  void expect_as_never_killed(const RunRecord& run) {
    EXPECT_EQ(run.state, "succeeded");
    for (const StepRecord& step : run.steps) {
      EXPECT_EQ(step.state, StepState::kSucceeded) << step.name;
      EXPECT_EQ(step.attempt, 1) << step.name;
    }
    EXPECT_EQ(core::read_file(project_ / "d").value(), "d 1 a 1 b 1 a 1 c 1 a 1 b 1 a 1");
  }

  bool has_finished_run() const {
    const auto database = storage::open_database("sqlite:///state.db", project_.string()).value();
    const auto runs = RunStore(*database, clock_).list(1).value();
    return !runs.empty() && runs.front().state == "succeeded";
  }

  std::string journal() const { return core::read_file(project_ / "journal").value_or(""); }

  const fs::path project_ = fs::temp_directory_path() / core::random_hex_id();
  core::SystemClock clock_;
  StepRegistry steps_;
  Dag dag_;
  std::string kill_in_;
  std::string reader_;  // the step that reads a file `in`
  std::string report_and_stop_in_;
  int report_to_ = -1;
};

TEST_F(CrashTest, AKillAroundAnyWriteIsTakenUpWhereItWas) {
  int kill_at = 1;
  for (bool is_killed = true; is_killed; ++kill_at) {
    for (const bool is_after : {false, true}) {
      SCOPED_TRACE(fmt::format("killed {} write {}", is_after ? "after" : "before", kill_at));
      fs::remove_all(project_);
      fs::create_directories(project_);
      const int status = in_child([&] { return run(clock_, kill_at, is_after) ? 0 : 1; });
      is_killed = WIFSIGNALED(status);
      if (!is_killed) {
        ASSERT_EQ(WEXITSTATUS(status), 0);
        break;
      }
      const bool was_finished = has_finished_run();
      const auto resumed = run(clock_);
      ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
      expect_as_never_killed(*resumed);
      // No finished step ran again; at most the one that was cut off did. A run whose end was
      // written is over, and the next one is another.
      if (was_finished) {
        EXPECT_EQ(journal(), "a b c d a b c d ");
      } else {
        EXPECT_LE(journal().size(), 10u) << journal();
      }
    }
  }
  // Lease, run, four steps with start and end, end of the run, lease given back.
  EXPECT_EQ(kill_at - 1, 13);
}

TEST_F(CrashTest, AKillInsideAnyStepIsTakenUpThere) {
  for (const char* name : {"a", "b", "c", "d"}) {
    fs::remove_all(project_);
    fs::create_directories(project_);
    kill_in_ = name;
    const int status = in_child([&] { return run(clock_) ? 0 : 1; });
    ASSERT_TRUE(WIFSIGNALED(status));
    kill_in_.clear();
    const auto resumed = run(clock_);
    ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
    expect_as_never_killed(*resumed);
    EXPECT_EQ(journal().size(), 10u) << journal();
  }
}

TEST_F(CrashTest, AKillAtAnyMomentLosesNothing) {
  core::Random random(20240105);
  for (int round = 0; round < 15; ++round) {
    fs::remove_all(project_);
    fs::create_directories(project_);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run(clock_) ? 0 : 1);
    // Any instant will do; the outcome must not depend on it.
    for (std::uint64_t i = random.below(20'000); i > 0; --i) ::sched_yield();
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const auto resumed = run(clock_);
    ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
    expect_as_never_killed(*resumed);
  }
}

TEST_F(CrashTest, StepsWhoseFilesChangedMeanwhileRunAgain) {
  kill_in_ = "d";
  ASSERT_TRUE(WIFSIGNALED(in_child([&] { return run(clock_) ? 0 : 1; })));
  kill_in_.clear();
  ASSERT_TRUE(core::write_file_atomically(project_ / "b", "edited").has_value());
  const auto resumed = run(clock_);
  ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
  expect_as_never_killed(*resumed);
  EXPECT_EQ(journal(), "a b c d b c d ");
}

TEST_F(CrashTest, StepsWhoseInputChangedMeanwhileRunAgain) {
  for (const char* reader : {"a", "c"}) {
    fs::remove_all(project_);
    fs::create_directories(project_);
    reader_ = reader;
    kill_in_ = "d";
    ASSERT_TRUE(core::write_file_atomically(project_ / "in", "old").has_value());
    ASSERT_TRUE(WIFSIGNALED(in_child([&] { return run(clock_) ? 0 : 1; })));
    kill_in_.clear();
    ASSERT_TRUE(core::write_file_atomically(project_ / "in", "new").has_value());
    const auto resumed = run(clock_);
    ASSERT_TRUE(resumed.has_value()) << resumed.error().message;
    expect_as_never_killed(*resumed);
    EXPECT_EQ(journal(), *reader == 'a' ? "a b c d a b c d " : "a b c d c d ");
  }
}

TEST_F(CrashTest, AnotherConfigurationBeginsANewRun) {
  kill_in_ = "c";
  ASSERT_TRUE(WIFSIGNALED(in_child([&] { return run(clock_) ? 0 : 1; })));
  kill_in_.clear();
  dag_.steps[3].with["x"] = "1";
  ASSERT_TRUE(run(clock_).has_value());
  EXPECT_EQ(journal(), "a b c a b c d ");
  const auto database = storage::open_database("sqlite:///state.db", project_.string()).value();
  const auto runs = RunStore(*database, clock_).list(10).value();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].state, "failed");
  EXPECT_EQ(runs[1].steps[2].state, StepState::kFailed);
  EXPECT_EQ(runs[1].steps[3].state, StepState::kSkipped);
}

TEST_F(CrashTest, AStoppedRunnerIsTakenOverAndCannotWriteAnyMore) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    report_and_stop_in_ = "b";
    report_to_ = ends[1];
    const auto late = run(clock_);
    const bool is_refused = !late && late.error().code == ErrorCode::kConflict;
    ::_exit(is_refused ? 42 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));

  // It is alive and its lease is young: nobody may take over.
  const auto refused = run(clock_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("process {} since", child)));

  // Past the lease time somebody may.
  const auto taken = run(AheadClock(kLeaseTime + core::kMicrosPerSecond));
  ASSERT_TRUE(taken.has_value()) << taken.error().message;
  expect_as_never_killed(*taken);

  ::kill(child, SIGCONT);
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
  ::close(ends[0]);
  ::close(ends[1]);

  const auto database = storage::open_database("sqlite:///state.db", project_.string()).value();
  const auto runs = RunStore(*database, clock_).list(10).value();
  ASSERT_EQ(runs.size(), 1u);
  expect_as_never_killed(runs[0]);
}

}  // namespace
}  // namespace tenure::pipelines
