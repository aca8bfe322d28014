#include "api/open_inference/grpc_access.h"

#include <future>
#include <string>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <open_inference.grpc.pb.h>

#include "api/open_inference/inference_service.h"
#include "api/test_api.h"
#include "net/grpc_server.h"
#include "net/work_lane.h"

namespace tenure::api {
namespace {

using core::Role;
using grpc::StatusCode;

auth::Token token_of(const std::string& secret, Role role) {
  auth::Token token;
  token.name = secret;
  token.digest = core::sha256(secret);
  token.role = role;
  return token;
}

/// A server with tokens "viewer", "operator", and "scoped" to another model.
class GrpcAccess : public testing::Test {
 protected:
  explicit GrpcAccess(const auth::GuardOptions& options = {.is_enabled = true})
      : guard_(options, clock_, metrics_), api_(100, {.guard = &guard_, .origins = {}}) {
    auth::Token scoped = token_of("scoped", Role::kAdmin);
    scoped.models = {"other"};
    guard_.set_tokens(
        {token_of("viewer", Role::kViewer), token_of("operator", Role::kOperator), scoped});
    api_.serve_mixed();
    service_ = std::make_unique<InferenceService>(api_.services());
    grpc::Service* const services[] = {&service_->service()};
    net::GrpcServerOptions server_options;
    server_options.port = 0;
    server_ = std::move(*net::GrpcServer::start(server_options, services));
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                   grpc::InsecureChannelCredentials());
  }

  /// Calls any method by its name; no bytes are a message of every kind.
  grpc::Status call(const std::string& method, const std::string& authorization,
                    const grpc::ByteBuffer& request = {}) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    grpc::Slice nothing;
    const grpc::ByteBuffer empty(&nothing, 1);
    const grpc::ByteBuffer& sent = request.Valid() ? request : empty;
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, method, grpc::StubOptions(), &sent, &response,
                   [&done](const grpc::Status& status) { done.set_value(status); });
    const grpc::Status status = done.get_future().get();
    retry_after_.clear();
    const auto& trailing = context.GetServerTrailingMetadata();
    if (const auto found = trailing.find("retry-after"); found != trailing.end())
      retry_after_.assign(found->second.data(), found->second.size());
    return status;
  }

  core::ManualClock clock_{1'000'000'000};
  core::MetricRegistry metrics_;
  auth::Guard guard_;
  TestApi api_;
  std::unique_ptr<InferenceService> service_;
  std::unique_ptr<net::GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string retry_after_;
};

Role role_of(const std::string& method) {
  if (method == "ServerLive" || method == "ServerReady" || method == "ServerMetadata" ||
      method == "ModelReady")
    return Role::kAnyone;
  return method == "RepositoryModelLoad" || method == "RepositoryModelUnload" ? Role::kOperator
                                                                              : Role::kViewer;
}

TEST_F(GrpcAccess, AsksEveryMethodOfTheServiceForItsRole) {
  const auto* service = inference::ModelInferRequest::descriptor()->file()->service(0);
  ASSERT_GE(service->method_count(), 12);
  for (int i = 0; i < service->method_count(); ++i) {
    const std::string name = service->method(i)->name();
    const std::string method = "/" + service->full_name() + "/" + name;
    const Role needed = role_of(name);
    const auto is_refused = [&](const std::string& authorization, StatusCode code) {
      return call(method, authorization).error_code() == code;
    };
    EXPECT_EQ(is_refused("", StatusCode::UNAUTHENTICATED), needed > Role::kAnyone) << name;
    EXPECT_EQ(is_refused("Bearer guess", StatusCode::UNAUTHENTICATED), needed > Role::kAnyone)
        << name;
    EXPECT_EQ(is_refused("Bearer viewer", StatusCode::PERMISSION_DENIED), needed > Role::kViewer)
        << name;
    EXPECT_FALSE(is_refused("Bearer viewer", StatusCode::UNAUTHENTICATED)) << name;
    EXPECT_FALSE(is_refused("Bearer operator", StatusCode::PERMISSION_DENIED)) << name;
    EXPECT_FALSE(is_refused("Basic dXNlcjpvcGVyYXRvcg==", StatusCode::UNAUTHENTICATED)) << name;
  }
}

TEST_F(GrpcAccess, LeavesHealthOpen) {
  EXPECT_TRUE(call("/grpc.health.v1.Health/Check", "").ok());
}

TEST_F(GrpcAccess, KeepsATokenToItsModels) {
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  const auto ask = [&](const std::string& model) {
    grpc::ClientContext context;
    context.AddMetadata("x-api-key", "scoped");
    inference::ModelMetadataRequest request;
    request.set_name(model);
    inference::ModelMetadataResponse response;
    return stub->ModelMetadata(&context, request, &response).error_code();
  };
  EXPECT_EQ(ask("churn"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ask("other"), StatusCode::NOT_FOUND);
}

TEST_F(GrpcAccess, EndsAStreamWhoseTokenIsRevoked) {
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer viewer");
  const auto stream = stub->ModelStreamInfer(&context);
  inference::ModelInferRequest request;
  request.set_model_name("churn");
  inference::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  guard_.set_tokens({});
  ASSERT_TRUE(stream->Write(request));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

class GrpcRateLimit : public GrpcAccess {
 protected:
  GrpcRateLimit()
      : GrpcAccess({.is_enabled = true,
                    .per_token = {.requests = 2, .window = 60'000'000},
                    .anonymous = {.requests = 1, .window = 60'000'000}}) {}
};

TEST_F(GrpcRateLimit, IsResourceExhaustedWithATimeToWait) {
  const std::string method = "/inference.GRPCInferenceService/RepositoryIndex";
  EXPECT_TRUE(call(method, "Bearer viewer").ok());
  EXPECT_TRUE(call(method, "Bearer viewer").ok());
  EXPECT_EQ(call(method, "Bearer viewer").error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(retry_after_, "30");
  EXPECT_EQ(call(method, "").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(call(method, "Bearer guess").error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(retry_after_, "60");
  clock_.advance(30'000'000);
  EXPECT_TRUE(call(method, "Bearer viewer").ok());
}

TEST(GrpcLane, TurnsInferencesAwayBeyondTheLimitOfItsLane) {
  TestApi api;
  api.serve_mixed();
  core::MetricRegistry metrics;
  net::WorkLane lane({.mode = net::LimitMode::kFixed, .limit = 1}, 1, 0, "live", metrics);
  InferenceService service(api.services(), &lane);
  grpc::Service* const services[] = {&service.service()};
  net::GrpcServerOptions options;
  options.port = 0;
  const auto server = std::move(*net::GrpcServer::start(options, services));
  const auto stub = inference::GRPCInferenceService::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials()));
  struct Answer {
    grpc::Status status;
    std::string retry_after, pushback;
  };
  const auto infer = [&] {
    grpc::ClientContext context;
    inference::ModelInferRequest request;
    request.set_model_name("fraud");
    inference::ModelInferResponse response;
    Answer answer{stub->ModelInfer(&context, request, &response), {}, {}};
    for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
      const std::string text(value.data(), value.size());
      if (name == "retry-after") answer.retry_after = text;
      if (name == "grpc-retry-pushback-ms") answer.pushback = text;
    }
    return answer;
  };
  EXPECT_EQ(infer().status.error_code(), StatusCode::NOT_FOUND) << "it was let in";
  std::promise<void> entered, gate;
  while (!lane.submit(false, [&] {
    entered.set_value();
    gate.get_future().wait();
  })) {
  }
  entered.get_future().wait();
  const Answer refused = infer();
  EXPECT_EQ(refused.status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(refused.retry_after, "1");
  EXPECT_EQ(refused.pushback, "1000");
  {
    grpc::ClientContext context;
    const auto stream = stub->ModelStreamInfer(&context);
    inference::ModelInferRequest request;
    request.set_model_name("churn");
    request.set_id("7");
    ASSERT_TRUE(stream->Write(request));
    inference::ModelStreamInferResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.infer_response().id(), "7");
    EXPECT_NE(response.error_message().find("Too many"), std::string::npos);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  gate.set_value();
  while (infer().status.error_code() != StatusCode::NOT_FOUND) {
  }
  server->drain();
  lane.stop();
}

TEST_F(GrpcAccess, TellsAStrangerOnlyThatAModelIsNotReady) {
  const auto stub = inference::GRPCInferenceService::NewStub(channel_);
  const auto ask = [&](const std::string& secret, const std::string& model) {
    grpc::ClientContext context;
    if (!secret.empty()) context.AddMetadata("x-api-key", secret);
    inference::ModelReadyRequest request;
    request.set_name(model);
    inference::ModelReadyResponse response;
    const grpc::Status status = stub->ModelReady(&context, request, &response);
    return std::pair(status.error_code(), response.ready());
  };
  EXPECT_EQ(ask("", "churn"), std::pair(StatusCode::OK, true));
  EXPECT_EQ(ask("", "fraud"), std::pair(StatusCode::OK, false));
  EXPECT_EQ(ask("viewer", "fraud"), std::pair(StatusCode::NOT_FOUND, false));
}

}  // namespace
}  // namespace tenure::api
