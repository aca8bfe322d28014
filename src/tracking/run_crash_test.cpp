#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/testing/child_process.h"
#include "storage/testing/temporary_folder.h"
#include "tracking/experiments.h"
#include "tracking/run.h"

namespace tenure::tracking {
namespace {

using storage::testing::ChildProcess;
using storage::testing::TemporaryFolder;

constexpr int kBatchMetrics = 300;

LogBatch batch_number(int number) {
  LogBatch batch;
  for (int i = 0; i < kBatchMetrics; ++i)
    batch.metrics.push_back(
        {fmt::format("m{}", i % 3), 1.0 * i, number, std::int64_t{number} * kBatchMetrics + i});
  batch.params = {{fmt::format("p{}", number), "v"}};
  batch.tags = {{"last", std::to_string(number)}};
  return batch;
}

TEST(LogBatch, IsWholeOrAbsentAfterKill9) {
  const TemporaryFolder folder;
  const core::ManualClock clock{1};
  std::string run_id;
  {
    auto database = storage::open_database("sqlite:///x.db", folder.path().string());
    ASSERT_TRUE(prepare_schema(**database, 1));
    ASSERT_TRUE(ExperimentStore(**database, clock, "file:///a").get("0"));
    run_id = RunStore(**database, clock).create(NewRun{})->id;
  }
  ChildProcess child([&](const ChildProcess::Reporter& reporter) -> int {
    auto database = storage::open_database("sqlite:///x.db", folder.path().string());
    if (!database) return 1;
    RunStore runs(**database, clock);
    for (int number = 0;; ++number) {
      if (!runs.log_batch(run_id, batch_number(number))) return 2;
      if (!reporter.report(number)) return 3;
    }
  });
  std::int64_t acknowledged = -1;
  while (acknowledged < 5) {
    const std::int64_t next = child.next(-1);
    ASSERT_GE(next, 0) << "the child ended";
    acknowledged = next;
  }
  child.kill_hard();

  auto database = storage::open_database("sqlite:///x.db", folder.path().string());
  const auto run = RunStore(**database, clock).get(run_id);
  ASSERT_TRUE(run) << run.error().message;
  const auto batches = static_cast<std::int64_t>(run->params.size());
  EXPECT_GT(batches, acknowledged);  // what was acknowledged is there
  EXPECT_EQ(run->tags.at("last"), std::to_string(batches - 1));
  auto rows = (*database)->query("SELECT COUNT(*) FROM metrics");
  EXPECT_EQ(rows->front().integer(0), batches * kBatchMetrics);
  EXPECT_EQ(run->metrics.at("m2").step, batches * kBatchMetrics - 1);
}

}  // namespace
}  // namespace tenure::tracking
