#include "tracking/run_inputs.h"

#include <gtest/gtest.h>

#include "tracking/testing/tracking_world.h"

namespace tenure::tracking {
namespace {

class RunInputsTest : public ::testing::Test, protected testing::TrackingWorld {
 protected:
  static DatasetInput dataset(std::string name, std::string source = "{}") {
    return {{std::move(name), "d1", "local", std::move(source), "", "{\"rows\": 5}"},
            {{"mlflow.data.context", "training"}}};
  }
};

TEST_F(RunInputsTest, TheFirstContentOfADataSetAndOfAnEdgeStays) {
  const tracking::Run run = new_run();
  DatasetInput input = dataset("train", "first");
  ASSERT_TRUE(runs().log_inputs(run.id, std::span(&input, 1), {}));
  input.dataset.source = "second";
  input.tags = {{"mlflow.data.context", "validation"}, {"more", "1"}};
  ASSERT_TRUE(runs().log_inputs(run.id, std::span(&input, 1), {}));
  const tracking::Run other = new_run();
  ASSERT_TRUE(runs().log_inputs(other.id, std::span(&input, 1), {}));
  EXPECT_EQ(number("SELECT COUNT(*) FROM datasets"), 1);
  const auto inputs = runs().get(run.id)->inputs.datasets;
  ASSERT_EQ(inputs.size(), 1U);
  EXPECT_EQ(inputs[0].dataset.name, "train");
  EXPECT_EQ(inputs[0].dataset.digest, "d1");
  EXPECT_EQ(inputs[0].dataset.source_type, "local");
  EXPECT_EQ(inputs[0].dataset.source, "first");
  EXPECT_EQ(inputs[0].dataset.schema, "");
  EXPECT_EQ(inputs[0].dataset.profile, "{\"rows\": 5}");
  EXPECT_EQ(inputs[0].tags,
            (std::map<std::string, std::string>{{"mlflow.data.context", "training"}}));
  EXPECT_EQ(runs().get(other.id)->inputs.datasets[0].tags.size(), 2U);
}

TEST_F(RunInputsTest, InputsOfManyRunsAreReadAtOnce) {
  std::vector<std::string> ids = {"unknown"};
  for (int i = 0; i < 600; ++i) ids.push_back(new_run().id);
  for (std::size_t i = 1; i < ids.size(); i += 2) {
    const std::vector<DatasetInput> inputs = {dataset("b"), dataset("a")};
    ASSERT_TRUE(runs().log_inputs(ids[i], inputs, {}));
  }
  auto read = read_run_inputs(*database_, ids);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 300U);
  ASSERT_EQ(read->at(ids[599]).datasets.size(), 2U);
  EXPECT_EQ(read->at(ids[599]).datasets[0].dataset.name, "a");
  EXPECT_EQ(read->at(ids[599]).datasets[0].tags.at("mlflow.data.context"), "training");
  EXPECT_FALSE(read->contains(ids[2]));
  EXPECT_TRUE(read_run_inputs(*database_, {})->empty());
}

TEST_F(RunInputsTest, ModelsReadAndMadeKeepTheirStepThroughAnUpgrade) {
  const tracking::Run run = new_run();
  const std::vector<std::string> read_models = {"m-1", "m-2", "m-1"};
  ASSERT_TRUE(runs().log_inputs(run.id, {}, read_models));
  std::vector<ModelOutput> outputs = {{"m-3", 7}, {"m-4", -1}};
  ASSERT_TRUE(runs().log_outputs(run.id, outputs));
  outputs = {{"m-3", 8}};
  ASSERT_TRUE(runs().log_outputs(run.id, outputs));  // again, at another step
  const auto check = [&](std::int64_t step) {
    const RunInputs inputs = runs().get(run.id)->inputs;
    EXPECT_EQ(inputs.model_ids, (std::vector<std::string>{"m-1", "m-2"}));
    ASSERT_EQ(inputs.outputs.size(), 2U);
    EXPECT_EQ(inputs.outputs[0].model_id, "m-4");
    EXPECT_EQ(inputs.outputs[0].step, -1);
    EXPECT_EQ(inputs.outputs[1].model_id, "m-3");
    EXPECT_EQ(inputs.outputs[1].step, step);
  };
  check(8);
  upgrade();
  EXPECT_EQ(number("SELECT COUNT(*) FROM tenure_input_steps"), 0);
  EXPECT_EQ(number("SELECT step FROM inputs WHERE destination_id = 'm-3'"), 8);
  check(8);
  outputs = {{"m-3", 9}};
  ASSERT_TRUE(runs().log_outputs(run.id, outputs));
  EXPECT_EQ(number("SELECT step FROM inputs WHERE destination_id = 'm-3'"), 9);
  check(9);
}

TEST_F(RunInputsTest, WhatIsTooLongIsRefusedAndNothingIsWritten) {
  const tracking::Run run = new_run();
  const auto logged = [&](const DatasetInput& input) {
    const std::vector<DatasetInput> inputs = {dataset("fine"), input};
    return message_of(runs().log_inputs(run.id, inputs, {}));
  };
  EXPECT_EQ(logged(dataset(std::string(501, 'n'))),
            "'name' exceeds the maximum length of 500 characters");
  EXPECT_EQ(logged(dataset("n", std::string(65'536, 's'))),
            "'source' exceeds the maximum length of 65535 characters");
  DatasetInput input = dataset("n");
  input.dataset.digest = std::string(37, 'd');
  EXPECT_EQ(logged(input), "'digest' exceeds the maximum length of 36 characters");
  input = dataset("n");
  input.tags = {{"k", std::string(501, 'v')}};
  EXPECT_EQ(logged(input), "'value' exceeds the maximum length of 500 characters");
  const std::vector<std::string> models = {std::string(37, 'm')};
  EXPECT_EQ(code_of(runs().log_inputs(run.id, {}, models)), core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(message_of(runs().log_inputs("*", {}, {})), "Invalid run ID: '*'");
  EXPECT_EQ(number("SELECT COUNT(*) FROM datasets"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM inputs"), 0);
}

}  // namespace
}  // namespace tenure::tracking
