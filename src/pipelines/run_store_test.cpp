#include "pipelines/run_store.h"

#include <csignal>
#include <filesystem>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "core/file.h"
#include "core/id.h"
#include "pipelines/step_result_json.h"

namespace tenure::pipelines {
namespace {

using core::ErrorCode;
using testing::HasSubstr;

class RunStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.prepare().has_value()); }

  static RunRecord a_run(std::string id, core::Micros started) {
    RunRecord run;
    run.id = std::move(id);
    run.pipeline = "p";
    run.state = "running";
    run.started = started;
    run.config_digest = "c";
    run.steps.resize(2);
    run.steps[0].name = "b";
    run.steps[1].name = "a";
    return run;
  }

  std::unique_ptr<storage::Database> database_ =
      storage::open_database("sqlite://:memory:", ".").value();
  core::ManualClock clock_{1'000'000'000};
  RunStore store_{*database_, clock_};
  const ProcessIdentity self_ = ProcessIdentity::current();
};

TEST_F(RunStoreTest, AHeldLeaseIsRefusedNamingItsHolder) {
  ASSERT_TRUE(store_.acquire(self_).has_value());
  const auto second = store_.acquire(self_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  EXPECT_THAT(second.error().message, HasSubstr("1970-01-01T00:16:40Z"));
}

TEST_F(RunStoreTest, TokensOnlyGrow) {
  std::int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const auto token = store_.acquire(self_);
    ASSERT_TRUE(token.has_value());
    EXPECT_GT(*token, last);
    last = *token;
    ASSERT_TRUE(store_.release(*token).has_value());
  }
}

TEST_F(RunStoreTest, ALeaseOfADeadProcessIsTakenOverAtOnce) {
  ProcessIdentity dead = self_;
  dead.start_ticks += 1;  // the number was used again
  const auto first = store_.acquire(dead);
  const auto second = store_.acquire(self_);
  ASSERT_TRUE(second.has_value());
  EXPECT_GT(*second, *first);
}

TEST_F(RunStoreTest, ALeaseFromElsewhereIsTakenOverOnlyAfterItsTime) {
  ProcessIdentity elsewhere = self_;
  elsewhere.host = "another machine";
  const auto first = store_.acquire(elsewhere).value();
  clock_.advance(kLeaseTime - 1);
  ASSERT_TRUE(store_.renew(first).has_value());
  clock_.advance(kLeaseTime);
  EXPECT_EQ(store_.acquire(self_).error().code, ErrorCode::kConflict);
  clock_.advance(1);
  EXPECT_TRUE(store_.acquire(self_).has_value());
}

TEST_F(RunStoreTest, AClockThatJumpsBackTakesNoLeaseAway) {
  ASSERT_TRUE(store_.acquire(self_).has_value());
  clock_.set(0);
  EXPECT_EQ(store_.acquire(self_).error().code, ErrorCode::kConflict);
}

TEST_F(RunStoreTest, RefusesEveryWriteUnderAnOlderToken) {
  const auto old_token = store_.acquire(self_).value();
  const RunRecord run = a_run("r1", 1);
  ASSERT_TRUE(store_.create(old_token, run, "plan").has_value());
  clock_.advance(kLeaseTime + 1);
  const auto new_token = store_.acquire(self_).value();
  EXPECT_EQ(store_.create(old_token, a_run("r2", 2), "plan").error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_.save(old_token, run, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_.renew(old_token).error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_.release(old_token).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(store_.find("r2").value().has_value());
  EXPECT_TRUE(store_.renew(new_token).has_value());
}

TEST_F(RunStoreTest, ReturnsRunsAsTheyWereWritten) {
  const auto token = store_.acquire(self_).value();
  RunRecord run = a_run("r1", 5);
  ASSERT_TRUE(store_.create(token, run, "plan").has_value());
  StepRecord& step = run.steps[0];
  step.state = StepState::kSucceeded;
  step.attempt = 3;
  step.started = 6;
  step.ended = 7;
  step.error = "it's \"bad\"\n";
  step.error_code = "unavailable";
  step.result.output = {{"rows", 7}, {"auc", 0.1}, {"name", "ü"}};
  step.result.inputs = {{"in.csv", "aa", 3}};
  step.result.outputs = {{"out.bin", "bb", 1ULL << 40}};
  step.result.summary = "7 rows";
  const StepRecord* changed[] = {&step};
  ASSERT_TRUE(store_.save(token, run, changed).has_value());
  const RunRecord read = store_.find("r1").value().value();
  EXPECT_EQ(read.pipeline, "p");
  EXPECT_EQ(read.state, "running");
  EXPECT_EQ(read.started, 5);
  EXPECT_EQ(read.config_digest, "c");
  ASSERT_EQ(read.steps.size(), 2u);
  EXPECT_EQ(read.steps[0].name, "b");  // the order of the plan, not of the alphabet
  EXPECT_EQ(read.steps[0].state, StepState::kSucceeded);
  EXPECT_EQ(read.steps[0].attempt, 3);
  EXPECT_EQ(read.steps[0].started, 6);
  EXPECT_EQ(read.steps[0].ended, 7);
  EXPECT_EQ(read.steps[0].error, step.error);
  EXPECT_EQ(read.steps[0].error_code, "unavailable");
  EXPECT_EQ(to_json_text(read.steps[0].result), to_json_text(step.result));
  EXPECT_EQ(read.steps[1].state, StepState::kPending);
}

TEST_F(RunStoreTest, FailsWhatWasAbandonedWhenANewRunBegins) {
  const auto token = store_.acquire(self_).value();
  RunRecord run = a_run("r1", 5);
  run.steps[0].state = StepState::kRunning;
  ASSERT_TRUE(store_.create(token, run, "plan").has_value());
  RunRecord other = a_run("r2", 6);
  other.pipeline = "q";
  ASSERT_TRUE(store_.create(token, other, "plan").has_value());
  ASSERT_TRUE(store_.create(token, a_run("r3", 7), "plan").has_value());
  const RunRecord read = store_.find("r1").value().value();
  EXPECT_EQ(read.state, "failed");
  EXPECT_EQ(read.steps[0].state, StepState::kFailed);
  EXPECT_THAT(read.steps[0].error, HasSubstr("the process ended"));
  EXPECT_EQ(read.steps[1].state, StepState::kSkipped);
  EXPECT_EQ(store_.find("r2").value()->state, "running");
  EXPECT_EQ(store_.find_interrupted("p", "c", "plan").value()->id, "r3");
  EXPECT_FALSE(store_.find_interrupted("p", "c", "another plan").value().has_value());
}

TEST_F(RunStoreTest, ListsTheNewestFirst) {
  const auto token = store_.acquire(self_).value();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(store_.create(token, a_run("r" + std::to_string(i), i), "plan").has_value());
  const auto runs = store_.list(3).value();
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].id, "r4");
  EXPECT_EQ(runs[2].id, "r2");
  EXPECT_EQ(runs[2].steps.size(), 2u);
}

TEST_F(RunStoreTest, SaysWhenStoredRowsAreDamaged) {
  const auto token = store_.acquire(self_).value();
  ASSERT_TRUE(store_.create(token, a_run("r1", 1), "plan").has_value());
  ASSERT_TRUE(database_->execute("UPDATE tenure_pipeline_steps SET result = '{\"output\":1'"));
  EXPECT_EQ(store_.find("r1").error().code, ErrorCode::kCorruption);
  ASSERT_TRUE(database_->execute("UPDATE tenure_pipeline_steps SET state = 'happy'"));
  EXPECT_EQ(store_.list(1).error().code, ErrorCode::kCorruption);
}

TEST(ProcessIdentity, TellsTheLivingFromTheDead) {
  const ProcessIdentity self = ProcessIdentity::current();
  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_EQ(liveness_of(self), Liveness::kAlive);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const ProcessIdentity me = ProcessIdentity::current();
    const std::int64_t words[] = {me.pid, me.start_ticks};
    static_cast<void>(::write(ends[1], words, sizeof words));
    ::pause();
    ::_exit(0);
  }
  std::int64_t words[2] = {};
  ASSERT_EQ(::read(ends[0], words, sizeof words), static_cast<ssize_t>(sizeof words));
  ::close(ends[0]);
  ::close(ends[1]);
  const ProcessIdentity other{words[0], words[1], self.host};
  EXPECT_EQ(liveness_of(other), Liveness::kAlive);
  ProcessIdentity elsewhere = other;
  elsewhere.host = "x";
  EXPECT_EQ(liveness_of(elsewhere), Liveness::kUnknown);
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(liveness_of(other), Liveness::kDead) << "a zombie is dead";
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(liveness_of(other), Liveness::kDead);
}

TEST(StepResultJson, RefusesWhatItDidNotWrite) {
  for (const char* text : {"", "{}", "[]", "{\"output\":{},\"inputs\":[],\"outputs\":[]}",
                           "{\"output\":{},\"inputs\":[{}],\"outputs\":[],\"summary\":\"\"}"}) {
    const auto result = parse_step_result(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kCorruption);
  }
}

TEST(RecordFile, NotesDigestSizeAndRelativePath) {
  const auto folder = std::filesystem::temp_directory_path() / core::random_hex_id();
  ASSERT_TRUE(core::write_file_atomically(folder / "data" / "x", "abc").has_value());
  const auto record = record_file(folder / "data" / ".." / "data" / "x", folder);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->path, "data/x");
  EXPECT_EQ(record->size, 3u);
  EXPECT_EQ(record->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(record_file(folder / "data" / "x", folder / "other")->path,
            (folder / "data" / "x").string());
  EXPECT_EQ(record_file(folder / "none", folder).error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(StepRegistryDeathTest, HasOneStepOfAName) {
  StepRegistry steps;
  steps.add("a", "", [](const StepContext&) -> core::Result<StepResult> { return StepResult{}; });
  EXPECT_NE(steps.find("a"), nullptr);
  EXPECT_EQ(steps.find("b"), nullptr);
  EXPECT_DEATH(steps.add("a", "", {}), "internal error");
}

}  // namespace
}  // namespace tenure::pipelines
