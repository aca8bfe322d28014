#include "tracking/logged_models.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

class LoggedModels : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  LoggedModel new_model() {
    NewLoggedModel wanted;
    wanted.experiment_id = "0";
    wanted.name = "lm";
    wanted.model_type = "clf";
    wanted.params = {{"p", "1"}};
    wanted.tags = {{"t", "x"}};
    auto model = models().create(wanted);
    EXPECT_TRUE(model) << model.error().message;
    return *model;
  }
};

TEST_F(LoggedModels, AreMadePendingAndFinished) {
  const LoggedModel made = new_model();
  EXPECT_EQ(made.id.substr(0, 2), "m-");
  EXPECT_EQ(made.id.size(), 34U);
  EXPECT_EQ(made.artifact_uri, "file:///art/0/models/" + made.id + "/artifacts");
  auto read = models().get(made.id);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->status, LoggedModelStatus::kPending);
  EXPECT_EQ(logged_model_status_name(read->status), "LOGGED_MODEL_PENDING");
  EXPECT_EQ(read->name, "lm");
  EXPECT_EQ(read->model_type, "clf");
  EXPECT_EQ(read->source_run_id, "");
  EXPECT_EQ(read->params.at("p"), "1");
  EXPECT_EQ(read->tags.at("t"), "x");
  EXPECT_EQ(read->created_ms, kNow / 1000);
  clock_.advance(1'000'000);
  auto finished = models().finish(made.id, LoggedModelStatus::kReady);
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(finished->status, LoggedModelStatus::kReady);
  EXPECT_EQ(finished->updated_ms, kNow / 1000 + 1000);
  EXPECT_EQ(code_of(models().finish(made.id, LoggedModelStatus::kUnspecified)),
            core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(message_of(models().finish("m-nope", LoggedModelStatus::kReady)),
            "Logged model with ID 'm-nope' not found.");
}

TEST_F(LoggedModels, HaveNamesWithoutSomeCharacters) {
  NewLoggedModel wanted;
  wanted.experiment_id = "0";
  EXPECT_FALSE(models().create(wanted)->name.empty());
  wanted.name = "bad/name";
  EXPECT_EQ(message_of(models().create(wanted)),
            "Invalid model name ('bad/name') provided. Model name must be a non-empty string and "
            "cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")");
  wanted.name = "ok";
  wanted.experiment_id = "8";
  EXPECT_EQ(message_of(models().create(wanted)), "No Experiment with id=8 exists");
  wanted.experiment_id = "0";
  ASSERT_TRUE(experiments().remove("0"));
  EXPECT_EQ(code_of(models().create(wanted)), core::ErrorCode::kInvalidArgument);
}

TEST_F(LoggedModels, TagsChangeAndParamsDoNot) {
  const std::string id = new_model().id;
  ASSERT_TRUE(models().set_tags(id, {{"t", "y"}, {"u", ""}}));
  EXPECT_EQ(models().get(id)->tags, (std::map<std::string, std::string>{{"t", "y"}, {"u", ""}}));
  ASSERT_TRUE(models().delete_tag(id, "u"));
  EXPECT_EQ(message_of(models().delete_tag(id, "n")),
            "No tag with key 'n' found for model with ID '" + id + "'.");
  ASSERT_TRUE(models().log_params(id, {{"p", "1"}, {"q", "2"}}));
  EXPECT_EQ(message_of(models().log_params(id, {{"q", "3"}, {"r", "4"}})),
            "Changing param values is not allowed. Param with key='q' was already logged with "
            "value='2' for model ID='" +
                id + "'. Attempted logging new value '3'.");
  EXPECT_EQ(models().get(id)->params, (std::map<std::string, std::string>{{"p", "1"}, {"q", "2"}}));
  EXPECT_EQ(code_of(models().log_params(id, {{"", "1"}})), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(models().set_tags("m-nope", {})), core::ErrorCode::kNotFound);
}

TEST_F(LoggedModels, AreHiddenWhenDeleted) {
  const std::string id = new_model().id;
  ASSERT_TRUE(models().remove(id));
  ASSERT_TRUE(models().remove(id));
  EXPECT_EQ(code_of(models().get(id)), core::ErrorCode::kNotFound);
  EXPECT_EQ(models().get(id, true)->lifecycle_stage, "deleted");
  EXPECT_EQ(code_of(models().set_tags(id, {{"a", "b"}})), core::ErrorCode::kNotFound);
  EXPECT_EQ(code_of(models().log_params(id, {{"a", "b"}})), core::ErrorCode::kNotFound);
  EXPECT_EQ(code_of(models().finish(id, LoggedModelStatus::kReady)), core::ErrorCode::kNotFound);
  EXPECT_EQ(code_of(models().remove("m-nope")), core::ErrorCode::kNotFound);
}

TEST_F(LoggedModels, GetTheMetricsThatWereMeasuredForThem) {
  const tracking::Run run = new_run();
  const std::string id = new_model().id;
  const DatasetInput input{{"train", "d1", "local", "{}", "", ""}, {}};
  ASSERT_TRUE(runs().log_inputs(run.id, std::span(&input, 1), {}));
  std::vector<Metric> metrics = {{"auc", 0.5, 10, 1, id, "train", "d1"},
                                 {"auc", 0.6, 20, 2, id, "other", "d2"},
                                 {"loss", std::nan(""), 10, 1, id},
                                 {"plain", 3, 10, 1}};
  ASSERT_TRUE(runs().log(run.id, metrics));
  ASSERT_TRUE(runs().log(run.id, metrics));
  const auto read = models().get(id);
  ASSERT_EQ(read->metrics.size(), 3U);
  EXPECT_EQ(read->metrics[0].key, "auc");
  EXPECT_EQ(read->metrics[0].value, 0.5);
  EXPECT_EQ(read->metrics[0].step, 1);
  EXPECT_EQ(read->metrics[0].dataset_name, "train");
  EXPECT_EQ(read->metrics[0].dataset_digest, "d1");
  EXPECT_EQ(read->metrics[0].run_id, run.id);
  EXPECT_EQ(read->metrics[0].model_id, id);
  EXPECT_EQ(read->metrics[2].value, 0.0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM tenure_logged_model_metrics WHERE dataset_uuid = (SELECT "
                   "dataset_uuid FROM datasets)"),
            1);
  EXPECT_EQ(runs().get(run.id)->metrics.size(), 3U);
  metrics = {{"auc", 0.7, 30, 3, "m-nope"}};
  EXPECT_EQ(message_of(runs().log(run.id, metrics)), "Logged model with ID 'm-nope' not found.");
  EXPECT_EQ(runs().get(run.id)->metrics.at("auc").step, 2);  // nothing was written
}

TEST_F(LoggedModels, MoveToMlflowsTablesOnceItHasThem) {
  const tracking::Run run = new_run();
  const LoggedModel model = new_model();
  const std::vector<Metric> metrics = {{"auc", 0.5, 10, 1, model.id}};
  ASSERT_TRUE(runs().log(run.id, metrics));
  EXPECT_EQ(logged_model_tables(*database_)->models, "tenure_logged_models");
  upgrade();
  EXPECT_EQ(logged_model_tables(*database_)->models, "logged_models");
  for (const std::string_view table : {"models", "model_params", "model_tags", "model_metrics"}) {
    EXPECT_EQ(number("SELECT COUNT(*) FROM tenure_logged_" + std::string(table)), 0) << table;
    EXPECT_EQ(number("SELECT COUNT(*) FROM logged_" + std::string(table)), 1) << table;
  }
  const auto moved = models().get(model.id);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->params, model.params);
  EXPECT_EQ(moved->tags, model.tags);
  EXPECT_EQ(moved->metrics.size(), 1U);
  EXPECT_EQ(moved->artifact_uri, model.artifact_uri);
  ASSERT_TRUE(models().create({"0", "second", "", "", {{"a", "b"}}, {}}));
  EXPECT_EQ(number("SELECT COUNT(*) FROM logged_models"), 2);
  ASSERT_TRUE(prepare_schema(*database_, kNow));
  EXPECT_EQ(number("SELECT COUNT(*) FROM logged_models"), 2);
}

TEST_F(LoggedModels, AreReadTogetherInTheOrderAskedFor) {
  const std::string a = new_model().id;
  const std::string b = new_model().id;
  const std::vector<std::string> ids = {b, "m-nope", a, b};
  auto read = read_logged_models(*database_, ids);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].id, b);
  EXPECT_EQ((*read)[1].id, a);
  EXPECT_EQ((*read)[2].params.at("p"), "1");
}

}  // namespace
}  // namespace tenure::tracking
