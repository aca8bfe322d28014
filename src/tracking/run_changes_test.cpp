#include <cmath>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tracking/run_log.h"
#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

class RunChanges : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  std::string batch_message(LogBatch batch) {
    return message_of(runs().log_batch(new_run().id, batch));
  }
};

TEST_F(RunChanges, ANewRunIsTheClients) {
  NewRun wanted;
  wanted.name = "painted-gnu-162";
  wanted.user = "u";
  wanted.start_ms = 1'700'000'000'000;
  wanted.tags = {{"t1", "v1"}};
  const auto made = runs().create(wanted);
  const auto run = runs().get(made->id);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->experiment_id, "0");
  EXPECT_EQ(run->name, "painted-gnu-162");
  EXPECT_EQ(run->user, "u");
  EXPECT_EQ(run->start_ms, 1'700'000'000'000);
  EXPECT_EQ(run->artifact_uri, "file:///art/0/" + run->id + "/artifacts");
  // No tag that the client did not give, but the name.
  EXPECT_EQ(run->tags, (std::map<std::string, std::string>{{"mlflow.runName", "painted-gnu-162"},
                                                           {"t1", "v1"}}));
  EXPECT_EQ(new_run().user, "");
  wanted.tags = {{"mlflow.runName", "b"}};
  EXPECT_EQ(message_of(runs().create(wanted)),
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            "values (run_name='painted-gnu-162', mlflow.runName='b').");
  wanted = {};
  wanted.experiment_id = "99";
  EXPECT_EQ(message_of(runs().create(wanted)), "No Experiment with id=99 exists");
  wanted.experiment_id = "x";
  EXPECT_EQ(code_of(runs().create(wanted)), core::ErrorCode::kInvalidArgument);
}

TEST_F(RunChanges, ARunIsMadeWithTagsOfAnyName) {
  NewRun wanted;
  wanted.tags = {{"a*b", "1"}, {"../x", "2"}};
  const auto made = runs().create(wanted);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(runs().get(made->id)->tags.at("a*b"), "1");
  EXPECT_EQ(runs().get(made->id)->tags.at("../x"), "2");
  EXPECT_EQ(code_of(runs().set_tag(made->id, "a*b", "1")), core::ErrorCode::kInvalidArgument);
  wanted.tags = {{std::string(251, 'k'), "1"}};
  EXPECT_EQ(message_of(runs().create(wanted)),
            "'key' exceeds the maximum length of 250 characters");
  wanted.tags = {{"", "1"}};
  EXPECT_EQ(code_of(runs().create(wanted)), core::ErrorCode::kInvalidArgument);
}

TEST_F(RunChanges, OnlyWhatIsGivenIsUpdated) {
  const tracking::Run run = new_run();
  auto updated = runs().update(run.id, {RunStatus::kFinished, 1'700'000'009'999, "renamed"});
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->status, RunStatus::kFinished);
  EXPECT_EQ(updated->end_ms, 1'700'000'009'999);
  EXPECT_EQ(updated->name, "renamed");
  EXPECT_EQ(updated->start_ms, 7);
  EXPECT_EQ(runs().get(run.id)->tags.at("mlflow.runName"), "renamed");
  updated = runs().update(run.id, {RunStatus::kRunning, std::nullopt, ""});
  EXPECT_EQ(updated->status, RunStatus::kRunning);
  EXPECT_EQ(updated->end_ms, 1'700'000'009'999);
  EXPECT_EQ(updated->name, "renamed");
  EXPECT_EQ(message_of(runs().update("nope", {})), "Run with id=nope not found");
}

TEST_F(RunChanges, DeletingAndRestoringMayBeRepeated) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(runs().remove(run.id));
  clock_.advance(5'000'000);
  ASSERT_TRUE(runs().remove(run.id));
  EXPECT_EQ(number("SELECT deleted_time FROM runs"), kNow / 1000);
  EXPECT_EQ(runs().get(run.id)->lifecycle_stage, "deleted");
  const std::string expected =
      "The run " + run.id + " must be in the 'active' state. Current state is deleted.";
  EXPECT_EQ(message_of(runs().update(run.id, {})), expected);
  EXPECT_EQ(message_of(runs().set_tag(run.id, "t", "1")), expected);
  EXPECT_EQ(message_of(runs().delete_tag(run.id, "mlflow.runName")), expected);
  EXPECT_EQ(message_of(runs().log_batch(run.id, {})), expected);
  EXPECT_EQ(message_of(runs().log_inputs(run.id, {}, {})), expected);
  EXPECT_EQ(message_of(runs().log_outputs(run.id, {})), expected);
  ASSERT_TRUE(runs().restore(run.id));
  ASSERT_TRUE(runs().restore(run.id));
  EXPECT_EQ(runs().get(run.id)->lifecycle_stage, "active");
  EXPECT_EQ(message_of(runs().remove("nope")), "Run with id=nope not found");
  EXPECT_EQ(message_of(runs().restore("nope")), "Run with id=nope not found");
}

TEST_F(RunChanges, TagsAreSetAndDeleted) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(runs().set_tag(run.id, "tag", "1"));
  ASSERT_TRUE(runs().set_tag(run.id, "mlflow.runName", "renamed"));
  ASSERT_TRUE(runs().set_tag(run.id, "mlflow.runName", ""));
  EXPECT_EQ(runs().get(run.id)->name, "renamed");
  ASSERT_TRUE(runs().delete_tag(run.id, "tag"));
  EXPECT_FALSE(runs().get(run.id)->tags.contains("tag"));
  EXPECT_EQ(message_of(runs().delete_tag(run.id, "tag")),
            "No tag with name: tag in run with id " + run.id);
  EXPECT_EQ(message_of(runs().set_tag(run.id, "a/../b", "1")),
            "Invalid value \"a/../b\" for parameter 'key' supplied: Names may be treated as files "
            "in certain cases, and must not resolve to other names when treated as such. This name "
            "would resolve to 'b'");
}

TEST_F(RunChanges, ABatchHasMlflowsLimits) {
  LogBatch batch;
  batch.params.resize(101);
  for (std::size_t i = 0; i < batch.params.size(); ++i)
    batch.params[i].first = fmt::format("p{}", i);
  EXPECT_EQ(batch_message(batch),
            "A batch logging request can contain at most 100 params. Got 101 params. Please split "
            "up params across multiple requests and try again.");
  batch.params.resize(100);
  batch.metrics.assign(901, {"m", 1, 1, 1});
  EXPECT_EQ(batch_message(batch),
            "A batch logging request can contain at most 1000 metrics, params, and tags. Got 1001 "
            "metrics, params, and tags. Please split up metrics, params, and tags across multiple "
            "requests and try again.");
  batch.metrics.resize(900);
  EXPECT_EQ(batch_message(batch), "");
  batch = {};
  batch.metrics.assign(1001, {"m", 1, 1, 1});
  EXPECT_NE(batch_message(batch).find("at most 1000 metrics. Got 1001"), std::string::npos);
  batch = {};
  batch.tags.assign(101, {"t", ""});
  EXPECT_NE(batch_message(batch).find("at most 100 tags. Got 101 tags"), std::string::npos);
}

TEST_F(RunChanges, ABatchTellsWhichItemIsWrong) {
  LogBatch batch;
  batch.metrics = {{"ok", 1, 1, 1}, {"a*b", 1, 1, 1}};
  EXPECT_EQ(batch_message(batch),
            "Invalid value \"a*b\" for parameter 'metrics[1].name' supplied: Names may only "
            "contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
            "and slashes (/).");
  batch.metrics = {{"ok", 1, 1, 1}, {"ok", 2, -1, 1}};
  EXPECT_NE(batch_message(batch).find("Timestamp must be a nonnegative long (64-bit integer) "),
            std::string::npos);
  batch = {};
  batch.params = {{"fine", ""}, {"a//b", ""}};
  EXPECT_NE(batch_message(batch).find("'params[1].key'"), std::string::npos);
  batch = {};
  batch.tags = {{"?", ""}};
  EXPECT_NE(batch_message(batch).find("'tags[0].key'"), std::string::npos);
  batch = {};
  batch.params = {{"d", "1"}, {"e", "1"}, {"d", "1"}};
  EXPECT_EQ(batch_message(batch),
            "Duplicate parameter keys have been submitted: ['d']. Please ensure the request "
            "contains only one param value per param key.");
  EXPECT_EQ(message_of(runs().log_batch("../x", {})), "Invalid run ID: '../x'");
  EXPECT_EQ(message_of(runs().log_batch("nope", {})), "Run with id=nope not found");
}

TEST_F(RunChanges, AChangedParamOfABatchIsToldAsAList) {
  const tracking::Run run = new_run();
  LogBatch batch;
  batch.params = {{"bp", "x"}};
  ASSERT_TRUE(runs().log_batch(run.id, batch));
  batch.params = {{"bp", "CHANGED"}};
  batch.tags = {{"t", "1"}};
  EXPECT_EQ(message_of(runs().log_batch(run.id, batch)),
            "Changing param values is not allowed. Params were already logged='[{'key': 'bp', "
            "'old_value': 'x', 'new_value': 'CHANGED'}]' for run ID='" +
                run.id + "'.");
  EXPECT_FALSE(runs().get(run.id)->tags.contains("t"));
}

TEST_F(RunChanges, ARetriedBatchChangesNothing) {
  const tracking::Run run = new_run();
  LogBatch batch;
  for (int i = 0; i < 300; ++i) batch.metrics.push_back({fmt::format("m{}", i % 7), i / 7.0, i, i});
  batch.metrics.push_back({"m0", std::nan(""), 999, 999});
  for (int i = 0; i < 99; ++i) batch.params.emplace_back(fmt::format("p{}", i), "v");
  batch.tags = {{"t", "1"}, {"t", "2"}};
  ASSERT_TRUE(runs().log_batch(run.id, batch));
  const std::int64_t metrics = number("SELECT COUNT(*) FROM metrics");
  EXPECT_EQ(metrics, 301);
  const auto first = runs().get(run.id);
  ASSERT_TRUE(runs().log_batch(run.id, batch));
  const auto second = runs().get(run.id);
  EXPECT_EQ(number("SELECT COUNT(*) FROM metrics"), metrics);
  EXPECT_EQ(first->params, second->params);
  EXPECT_EQ(second->tags.at("t"), "2");
  EXPECT_TRUE(std::isnan(second->metrics.at("m0").value));
  EXPECT_EQ(second->metrics.at("m5").step, 299);
}

TEST_F(RunChanges, SeveralThreadsLogToOneRunAndOneParamWins) {
  const tracking::Run run = new_run();
  std::vector<std::thread> threads;
  std::vector<int> refused(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto store = runs();
      for (int i = 0; i < 20; ++i) {
        LogBatch batch;
        for (int k = 0; k < 20; ++k)
          batch.metrics.push_back({fmt::format("k{}", k), 1.0 * t, i, i});
        EXPECT_TRUE(store.log_batch(run.id, batch));
      }
      if (!store.log(run.id, {}, {{"winner", std::to_string(t)}}))
        refused[static_cast<std::size_t>(t)] = 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(refused.begin(), refused.end(), 1), 3);
  EXPECT_EQ(number("SELECT COUNT(*) FROM metrics"), 4 * 20 * 20);
  const auto read = runs().get(run.id);
  for (int k = 0; k < 20; ++k) {
    EXPECT_EQ(read->metrics.at(fmt::format("k{}", k)).step, 19);
    EXPECT_EQ(read->metrics.at(fmt::format("k{}", k)).value, 3.0);
  }
  const std::string winner = read->params.at("winner");
  EXPECT_EQ(refused[static_cast<std::size_t>(winner[0] - '0')], 0);
}

TEST_F(RunChanges, LoggedModelsOfMlflow2AreAppendedToATag) {
  const tracking::Run run = new_run();
  const auto model = [](std::string_view path) {
    return *core::parse_json(fmt::format(
        R"({{"run_id":"r","artifact_path":"{}","utc_time_created":"2026-01-01","model_uuid":"u",)"
        R"("mlflow_version":"2.22","flavors":{{"xgboost":{{"data":"m","config":{{"a":1}}}}}}}})",
        path));
  };
  ASSERT_TRUE(runs().log_model(run.id, model("a")));
  ASSERT_TRUE(runs().log_model(run.id, model("b")));
  const auto tag = core::parse_json(runs().get(run.id)->tags.at("mlflow.log-model.history"));
  ASSERT_EQ(tag->as_array().size(), 2U);
  EXPECT_EQ(core::to_text(tag->as_array()[1]),
            R"({"run_id":"r","artifact_path":"b","utc_time_created":"2026-01-01",)"
            R"("model_uuid":"u","flavors":{"xgboost":{"data":"m"}}})");
  EXPECT_EQ(message_of(runs().log_model(run.id, *core::parse_json(R"({"flavors":{}})"))),
            "Model json is missing mandatory fields: {'artifact_path', 'run_id', "
            "'utc_time_created'}");
  // A long history loses its beginning, not its form.
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(runs().log_model(run.id, model(std::string(900, 'c'))));
  const std::string text = runs().get(run.id)->tags.at("mlflow.log-model.history");
  EXPECT_LE(text.size(), 8000U);
  EXPECT_EQ(core::parse_json(text)->as_array().size(), 7U);
  EXPECT_EQ(code_of(runs().log_model(run.id, model(std::string(9000, 'd')))),
            core::ErrorCode::kInvalidArgument);
  ASSERT_TRUE(runs().set_tag(run.id, "mlflow.log-model.history", "{"));
  EXPECT_EQ(code_of(runs().log_model(run.id, model("e"))), core::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure::tracking
