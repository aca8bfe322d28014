#include "app/pipeline_run.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/init_project.h"
#include "core/file.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::app {
namespace {

/// Cancels the run when a step has succeeded.
class CancelAfter final : public RunObserver {
 public:
  explicit CancelAfter(std::string step) : step_(std::move(step)) {}
  void on_step(const RunRecord&, const StepRecord& step) override {
    if (step.name == step_ && step.state == StepState::kSucceeded) is_cancelled = true;
  }
  void on_progress(const StepRecord&, std::uint64_t, std::uint64_t, std::string_view) override {}
  std::atomic<bool> is_cancelled{false};

 private:
  std::string step_;
};

class PipelineRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    InitRequest request;
    request.folder = folder_.path();
    request.project_template = "telco";
    ASSERT_TRUE(init_project(request));
    core::ConfigSource source;
    source.file = folder_.path() / "tenure.yaml";
    source.overrides = {"data.generate.rows=400", "model.rounds=5", "model.preset=light",
                        "log.level=error"};
    auto opened = Project::open(source);
    ASSERT_TRUE(opened) << opened.error().message;
    project_ = *std::move(opened);
  }
  /// How many tracked runs there are in each status.
  std::map<std::string, std::int64_t> statuses() {
    std::map<std::string, std::int64_t> counts;
    const auto rows = (*project_->database())
                          ->query("SELECT status, COUNT(*), COUNT(end_time) FROM runs GROUP BY 1");
    for (const storage::SqlRow& row : *rows) {
      counts[row.text(0)] = row.integer(1);
      EXPECT_EQ(row.integer(2), row.text(0) == "RUNNING" ? 0 : row.integer(1)) << row.text(0);
    }
    return counts;
  }
  using Counts = std::map<std::string, std::int64_t>;

  storage::testing::TemporaryFolder folder_;
  std::unique_ptr<Project> project_;
};

TEST_F(PipelineRunTest, EndsTheTrackedRunOfACancelledRunAsKilled) {
  CancelAfter observer("train");
  const auto run = run_pipeline(*project_, {}, &observer, &observer.is_cancelled);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, core::ErrorCode::kCancelled);
  EXPECT_EQ(run.error().message,
            "evaluate: cancelled; what was done before is kept: go on with `tenure run --from "
            "evaluate`");
  EXPECT_EQ(statuses(), (Counts{{"KILLED", 1}}));
}

TEST_F(PipelineRunTest, EndsTheTrackedRunOfAFailedRunAsFailed) {
  // A file where the experiment's artifacts should be: `evaluate` fails, after `train` was tracked.
  ASSERT_TRUE(core::make_directories(folder_.path() / ".tenure/objects/artifacts"));
  ASSERT_TRUE(core::write_file_atomically(folder_.path() / ".tenure/objects/artifacts/1", "mine"));
  const auto run = run_pipeline(*project_, {}, nullptr, nullptr);
  ASSERT_FALSE(run);
  EXPECT_NE(run.error().message.find("evaluate"), std::string::npos) << run.error().message;
  EXPECT_EQ(statuses(), (Counts{{"FAILED", 1}}));
}

TEST_F(PipelineRunTest, EndsTheTrackedRunOfAPartOfThePipelineAsFinished) {
  PipelineRequest request;
  request.until = "train";
  const auto run = run_pipeline(*project_, request, nullptr, nullptr);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(statuses(), (Counts{{"FINISHED", 1}}));
}

}  // namespace
}  // namespace tenure::app
