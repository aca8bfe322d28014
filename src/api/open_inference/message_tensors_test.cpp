#include "api/open_inference/message_tensors.h"

#include <rapidcheck.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <open_inference.pb.h>
#include <rapidcheck/gtest.h>

namespace tenure::api {
namespace {

using testing::HasSubstr;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

inference::ModelInferRequest request_of(std::string_view bytes) {
  inference::ModelInferRequest request;
  EXPECT_TRUE(request.ParseFromString(std::string(bytes)));
  return request;
}

// What a Triton client sends for model churn, id 42, input x FP32 [1,2] = {1, 2.5}.
const std::string kRequest =
    from_hex("0a05636875726e1a0234322a0d0a01781204465033321a0201023a080000803f00002040");

TEST(ReadMessage, ReadsRawContents) {
  const inference::ModelInferRequest request = request_of(kRequest);
  Inference inference;
  ASSERT_TRUE(read_message(request, 100, inference).has_value());
  ASSERT_EQ(inference.inputs.size(), 1U);
  EXPECT_EQ(inference.inputs[0].name, "x");
  EXPECT_EQ(inference.inputs[0].datatype, Datatype::kFp32);
  EXPECT_EQ(inference.inputs[0].shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(inference.inputs[0].values[0].number, 1.0);
  EXPECT_EQ(inference.inputs[0].values[1].number, 2.5);
}

TEST(WriteMessage, GivesTheBytesThatClientsRead) {
  OutputTensor tensor;
  tensor.name = "probability";
  tensor.datatype = Datatype::kFp32;
  tensor.shape = {1};
  tensor.floats = {0.30573833F};
  inference::ModelInferResponse response;
  response.set_model_name("churn");
  response.set_model_version("7");
  response.set_id("42");
  write_message({&tensor, 1}, response);
  EXPECT_EQ(response.SerializeAsString(),
            from_hex("0a05636875726e1201371a0234322a160a0b70726f626162696c697479120446503332"
                     "1a01013204bc899c3e"));
}

TEST(ReadMessage, ReadsTypedContentsOfEveryType) {
  inference::ModelInferRequest request;
  const auto add = [&request](const char* type) {
    auto* input = request.add_inputs();
    input->set_name(type);
    input->set_datatype(type);
    input->add_shape(1);
    return input->mutable_contents();
  };
  add("BOOL")->add_bool_contents(true);
  add("INT16")->add_int_contents(-3);
  add("INT64")->add_int64_contents(-4);
  add("UINT32")->add_uint_contents(5);
  add("UINT64")->add_uint64_contents(6);
  add("FP32")->add_fp32_contents(0.5F);
  add("FP64")->add_fp64_contents(0.25);
  add("BYTES")->add_bytes_contents("text");
  Inference inference;
  ASSERT_TRUE(read_message(request, 100, inference).has_value());
  const std::vector<double> expected{1, -3, -4, 5, 6, 0.5, 0.25};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(inference.inputs[i].values[0].number, expected[i]);
  EXPECT_EQ(inference.inputs[7].values[0].text, "text");
}

TEST(ReadMessage, ReadsTheTimeOutAndTheNumberOfClassesOfAnOutput) {
  inference::ModelInferRequest request = request_of(kRequest);
  (*request.mutable_parameters())["timeout"].set_int64_param(1500);
  auto* output = request.add_outputs();
  output->set_name("probability");
  (*output->mutable_parameters())["classification"].set_int64_param(2);
  request.add_outputs()->set_name("margin");
  Inference inference;
  ASSERT_TRUE(read_message(request, 100, inference).has_value());
  EXPECT_EQ(inference.timeout, 1500);
  ASSERT_EQ(inference.outputs.size(), 2U);
  EXPECT_EQ(inference.outputs[0].class_count, 2U);
  EXPECT_EQ(inference.outputs[1].class_count, 0U);
  (*request.mutable_parameters())["timeout"].set_string_param("soon");
  EXPECT_FALSE(read_message(request, 100, inference).has_value());
  (*request.mutable_parameters())["timeout"].set_uint64_param(7);
  ASSERT_TRUE(read_message(request, 100, inference).has_value());
  EXPECT_EQ(inference.timeout, 7);
  (*output->mutable_parameters())["classification"].set_int64_param(-1);
  EXPECT_FALSE(read_message(request, 100, inference).has_value());
}

TEST(ReadMessage, SaysWhatIsWrong) {
  const auto refusal = [](const inference::ModelInferRequest& request) {
    Inference inference;
    const auto done = read_message(request, 100, inference);
    return done ? std::string("accepted") : done.error().message;
  };
  inference::ModelInferRequest request = request_of(kRequest);
  request.mutable_inputs(0)->set_datatype("FP31");
  EXPECT_THAT(refusal(request), HasSubstr("'FP31' is no datatype"));
  request = request_of(kRequest);
  request.mutable_raw_input_contents(0)->pop_back();
  EXPECT_THAT(refusal(request), HasSubstr("has 7 bytes"));
  request = request_of(kRequest);
  request.add_raw_input_contents("x");
  EXPECT_THAT(refusal(request), HasSubstr("2 raw contents"));
  request = request_of(kRequest);
  request.clear_raw_input_contents();
  EXPECT_THAT(refusal(request), HasSubstr("0 elements, its shape says 2"));
  request = request_of(kRequest);
  request.mutable_inputs(0)->set_shape(0, 1'000'000'000);
  EXPECT_THAT(refusal(request), HasSubstr("more than the 100"));
  request = request_of(kRequest);
  for (int i = 0; i < 60; ++i) {
    *request.add_inputs() = request.inputs(0);
    request.add_raw_input_contents(request.raw_input_contents(0));
  }
  EXPECT_THAT(refusal(request), HasSubstr("more than the 0 elements")) << "of all tensors together";
  request = request_of(kRequest);
  request.clear_raw_input_contents();
  request.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
  request.mutable_inputs(0)->mutable_contents()->add_int_contents(2);
  EXPECT_THAT(refusal(request), HasSubstr("are no FP32"));
  request = request_of(kRequest);
  request.mutable_inputs(0)->clear_name();
  EXPECT_THAT(refusal(request), HasSubstr("has no name"));
}

RC_GTEST_PROP(DecodeRaw, TakesExactlyTheElementsOrSaysWhy,
              (const std::string& bytes, std::uint8_t type, std::uint8_t count)) {
  std::vector<data::Cell> cells;
  const auto datatype = static_cast<Datatype>(type % 14);
  const auto done = decode_raw(datatype, bytes, count, cells);
  if (done) RC_ASSERT(cells.size() == count);
  if (done && datatype != Datatype::kBytes)
    RC_ASSERT(bytes.size() == count * element_size(datatype));
}

}  // namespace
}  // namespace tenure::api
