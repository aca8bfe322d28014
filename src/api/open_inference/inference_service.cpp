#include "api/open_inference/inference_service.h"

#include <chrono>
#include <exception>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <open_inference.grpc.pb.h>

#include "api/deadline.h"
#include "api/open_inference/grpc_access.h"
#include "api/open_inference/inference.h"
#include "api/open_inference/inference_statistics.h"
#include "api/open_inference/message_tensors.h"
#include "api/open_inference/server_facts.h"
#include "api/recorded_answers.h"
#include "api/served_model.h"
#include "core/log.h"
#include "net/work_lane.h"

namespace tenure::api {
namespace {

using core::Role;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using grpc::Status;

/// gRPC's threads come and go; each has its buffers.
struct Workspace {
  LiveCache live;
  Inference inference;
};

Status to_status(const core::Error& error) {
  return {static_cast<grpc::StatusCode>(core::error_code_info(error.code).grpc_status),
          error.message};
}

Status to_status(const core::Result<>& result) {
  return result ? Status::OK : to_status(result.error());
}

ServerUnaryReactor* finish(CallbackServerContext* context, const Status& status) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

/// What the metadata of a call say.
struct CallFacts {
  Deadline deadline;
  core::TraceContext trace;
};

/// Reads the deadline and joins the caller's trace, which the answer's metadata then name.
CallFacts call_facts(const core::Clock& clock, grpc::ServerContextBase& context) {
  CallFacts facts;
  if (context.deadline() != std::chrono::system_clock::time_point::max()) {
    // gRPC has turned the time left into a time of day when the call came in.
    facts.deadline = deadline_at(clock, std::chrono::duration_cast<std::chrono::microseconds>(
                                            context.deadline().time_since_epoch())
                                            .count());
  }
  const auto parent = context.client_metadata().equal_range("traceparent");
  if (parent.first == parent.second) return facts;
  const bool is_one = std::next(parent.first) == parent.second;
  facts.trace = core::continue_trace(
      is_one ? std::string_view(parent.first->second.data(), parent.first->second.size())
             : std::string_view());
  std::string text(core::kTraceparentSize, ' ');
  core::write_traceparent(facts.trace, text.data());
  context.AddInitialMetadata("traceparent", text);
  return facts;
}

core::Result<> infer(const Services& services, const CallFacts& call, std::int64_t began_ns,
                     const inference::ModelInferRequest& request,
                     inference::ModelInferResponse& response, Workspace& workspace,
                     InferenceStatistics*& statistics) {
  if (auto ok = check_deadline(services.clock, call.deadline); !ok) return ok;
  auto snapshot =
      find_model(services, workspace.live, request.model_name(), request.model_version());
  if (!snapshot) return std::move(snapshot).error();
  statistics = snapshot->statistics;
  const auto rows_max = static_cast<std::size_t>(services.rows_max);
  if (auto ok = read_message(request, elements_max(services, **snapshot), workspace.inference); !ok)
    return ok;
  const Deadline deadline =
      call.deadline.with(deadline_after(began_ns, workspace.inference.timeout));
  if (auto ok = check_deadline(services.clock, deadline); !ok) return ok;
  auto tensors = workspace.inference.run(*snapshot, rows_max,
                                         {.deadline_ns = deadline.at_ns, .trace = call.trace});
  if (!tensors) return std::move(tensors).error();
  response.set_model_name((*snapshot)->name);
  response.set_model_version(
      std::to_string(workspace.inference.version_of_all(**snapshot).version));
  if (const auto variant = workspace.inference.variant_of_all(); !variant.empty())
    (*response.mutable_parameters())["variant"].set_string_param(std::string(variant));
  response.set_id(request.id());
  write_message(*tensors, response);
  return {};
}

core::Result<> counted_infer(const Services& services, const CallFacts& call,
                             const inference::ModelInferRequest& request,
                             inference::ModelInferResponse& response) {
  thread_local Workspace workspace;
  const std::int64_t start = services.clock.monotonic_ns();
  InferenceStatistics* statistics = services.inference_statistics.get();  // until one is named
  auto done = infer(services, call, start, request, response, workspace, statistics);
  statistics->count(done.has_value(), workspace.inference.row_count(),
                    services.clock.monotonic_ns() - start, services.clock.now());
  return done;
}

core::Error too_much_work() {
  return core::Error{core::ErrorCode::kUnavailable,
                     "Too many requests are at work or waiting; try again"};
}

/// Predicts on a thread of the lane, under the limit of what is let in at a time; without a lane on
/// this one. `finish` is called once.
class Inferences {
 public:
  Inferences(const Services& services, net::WorkLane* lane) : services_(services), lane_(lane) {}

  const Services& services() const { return services_; }

  /// False: too much is at work, and `finish` is not called.
  bool begin(const CallFacts& call, const inference::ModelInferRequest& request,
             inference::ModelInferResponse& response,
             std::function<void(const core::Result<>&)> finish) const {
    auto work = [this, call, &request, &response, finish = std::move(finish)] {
      finish_recorded(
          services_, [&] { return guarded_infer(call, request, response); }, finish);
    };
    if (lane_ != nullptr) return lane_->submit(false, std::move(work));
    work();
    return true;
  }

 private:
  /// On a thread where nothing may be thrown.
  core::Result<> guarded_infer(const CallFacts& call, const inference::ModelInferRequest& request,
                               inference::ModelInferResponse& response) const {
    try {
      return counted_infer(services_, call, request, response);
    } catch (const std::exception& exception) {
      core::log_error("api", "an inference failed",
                      {{"error.message", std::string_view(exception.what())}});
      return core::Error{core::ErrorCode::kInternal, "Internal Server Error"};
    }
  }

  const Services& services_;
  net::WorkLane* lane_;
};

/// Answers the requests of one stream in their order.
class InferStream final : public grpc::ServerBidiReactor<inference::ModelInferRequest,
                                                         inference::ModelStreamInferResponse> {
 public:
  InferStream(const Inferences& inferences, CallbackServerContext& context)
      : inferences_(inferences),
        context_(context),
        call_(call_facts(inferences.services().clock, context)) {
    StartRead(&request_);
  }
  void OnReadDone(bool is_read) override {
    if (!is_read) return Finish(Status::OK);
    // Each request by itself: a token may be revoked while its stream is open.
    const Status admitted =
        admit(inferences_.services(), context_, Role::kViewer, request_.model_name());
    if (!admitted.ok()) return Finish(admitted);
    response_.Clear();
    const bool is_begun = inferences_.begin(call_, request_, *response_.mutable_infer_response(),
                                            [this](const core::Result<>& done) { write(done); });
    if (!is_begun) write(too_much_work());
  }
  void OnWriteDone(bool is_written) override {
    if (!is_written) return Finish(Status::CANCELLED);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  void write(const core::Result<>& done) {
    if (!done) {
      response_.mutable_infer_response()->Clear();
      response_.mutable_infer_response()->set_id(request_.id());
      response_.set_error_message(done.error().message);
    }
    StartWrite(&response_);
  }

  const Inferences& inferences_;
  CallbackServerContext& context_;  ///< lives until OnDone
  const CallFacts call_;
  inference::ModelInferRequest request_;
  inference::ModelStreamInferResponse response_;
};

inference::DataType config_type(Datatype type) {
  inference::DataType out = inference::TYPE_INVALID;
  inference::DataType_Parse(triton_type_name(type), &out);
  return out;
}

void set_duration(std::uint64_t count, std::uint64_t ns, inference::StatisticDuration* out) {
  out->set_count(count);
  out->set_ns(ns);
}

}  // namespace

class InferenceService::Calls final : public inference::GRPCInferenceService::CallbackService {
 public:
  Calls(const Services& services, net::WorkLane* lane)
      : services_(services), inferences_(services, lane) {}

  ServerUnaryReactor* ServerLive(CallbackServerContext* context,
                                 const inference::ServerLiveRequest*,
                                 inference::ServerLiveResponse* response) override {
    response->set_live(true);
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* ServerReady(CallbackServerContext* context,
                                  const inference::ServerReadyRequest*,
                                  inference::ServerReadyResponse* response) override {
    response->set_ready(is_server_ready(services_));
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* ModelReady(CallbackServerContext* context,
                                 const inference::ModelReadyRequest* request,
                                 inference::ModelReadyResponse* response) override {
    const auto found = model(request->name(), request->version());
    response->set_ready(found.has_value());
    // A model that is loading is known, and not ready; to a stranger all that are not ready are.
    const bool is_unknown = !found && found.error().code == core::ErrorCode::kNotFound &&
                            is_friend(services_, *context, request->name());
    return finish(context, is_unknown ? to_status(found.error()) : Status::OK);
  }

  ServerUnaryReactor* ServerMetadata(CallbackServerContext* context,
                                     const inference::ServerMetadataRequest*,
                                     inference::ServerMetadataResponse* response) override {
    response->set_name(std::string(kServerName));
    response->set_version(services_.program_version);
    for (const std::string_view extension : kServerExtensions)
      response->add_extensions(std::string(extension));
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* ModelMetadata(CallbackServerContext* context,
                                    const inference::ModelMetadataRequest* request,
                                    inference::ModelMetadataResponse* response) override {
    if (const Status admitted = admit(services_, *context, Role::kViewer, request->name());
        !admitted.ok())
      return finish(context, admitted);
    const auto found = model(request->name(), request->version());
    if (!found) return finish(context, to_status(found.error()));
    const ModelTensors tensors = model_tensors(**found);
    response->set_name((*found)->name);
    response->add_versions(std::to_string((*found)->version));
    response->set_platform(std::string(kPlatform));
    const auto add = [](const TensorFacts& facts, auto* out) {
      out->set_name(facts.name);
      out->set_datatype(std::string(datatype_name(facts.datatype)));
      for (const std::int64_t dimension : facts.shape) out->add_shape(dimension);
    };
    for (const TensorFacts& facts : tensors.inputs) add(facts, response->add_inputs());
    for (const TensorFacts& facts : tensors.outputs) add(facts, response->add_outputs());
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* ModelInfer(CallbackServerContext* context,
                                 const inference::ModelInferRequest* request,
                                 inference::ModelInferResponse* response) override {
    if (const Status admitted = admit(services_, *context, Role::kViewer, request->model_name());
        !admitted.ok())
      return finish(context, admitted);
    const CallFacts call = call_facts(services_.clock, *context);
    ServerUnaryReactor* const reactor = context->DefaultReactor();
    const bool is_begun = inferences_.begin(
        call, *request, *response,
        [reactor](const core::Result<>& done) { reactor->Finish(to_status(done)); });
    if (!is_begun) {
      // The one is what HTTP says, the other what gRPC's own retries obey.
      context->AddTrailingMetadata("retry-after", "1");
      context->AddTrailingMetadata("grpc-retry-pushback-ms", "1000");
      reactor->Finish(to_status(too_much_work()));
    }
    return reactor;
  }

  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
  ModelStreamInfer(CallbackServerContext* context) override {
    return new InferStream(inferences_,
                           *context);  // deletes itself when the stream is done, as gRPC wants it
  }

  ServerUnaryReactor* ModelConfig(CallbackServerContext* context,
                                  const inference::ModelConfigRequest* request,
                                  inference::ModelConfigResponse* response) override {
    if (const Status admitted = admit(services_, *context, Role::kViewer, request->name());
        !admitted.ok())
      return finish(context, admitted);
    const auto found = model(request->name(), request->version());
    if (!found) return finish(context, to_status(found.error()));
    inference::ModelConfig* config = response->mutable_config();
    config->set_name((*found)->name);
    config->set_backend(std::string(kServerName));
    config->set_max_batch_size(static_cast<std::int32_t>(services_.rows_max));
    const ModelTensors tensors = model_tensors(**found);
    const auto add = [](const TensorFacts& facts, auto* out) {
      out->set_name(facts.name);
      out->set_data_type(config_type(facts.datatype));
      out->add_dims(facts.width);
    };
    for (const TensorFacts& facts : tensors.inputs) add(facts, config->add_input());
    for (const TensorFacts& facts : tensors.outputs) add(facts, config->add_output());
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* ModelStatistics(CallbackServerContext* context,
                                      const inference::ModelStatisticsRequest* request,
                                      inference::ModelStatisticsResponse* response) override {
    const std::string& name = request->name().empty() ? services_.model : request->name();
    if (const Status admitted = admit(services_, *context, Role::kViewer, name); !admitted.ok())
      return finish(context, admitted);
    const auto found = model(name, request->version());
    if (!found) return finish(context, to_status(found.error()));
    const InferenceStatistics& counts = *found->statistics;
    inference::ModelStatistics* out = response->add_model_stats();
    out->set_name((*found)->name);
    out->set_version(std::to_string((*found)->version));
    out->set_last_inference(static_cast<std::uint64_t>(counts.last_ms));
    out->set_inference_count(counts.rows);
    out->set_execution_count(counts.requests);
    inference::InferStatistics* stats = out->mutable_inference_stats();
    set_duration(counts.requests, counts.busy_ns, stats->mutable_success());
    set_duration(counts.requests, counts.busy_ns, stats->mutable_compute_infer());
    set_duration(counts.failures, counts.failed_ns, stats->mutable_fail());
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* RepositoryIndex(CallbackServerContext* context,
                                      const inference::RepositoryIndexRequest*,
                                      inference::RepositoryIndexResponse* response) override {
    if (const Status admitted = admit(services_, *context, Role::kViewer, ""); !admitted.ok())
      return finish(context, admitted);
    for (const RepositoryEntry& entry : repository_entries(services_)) {
      auto* out = response->add_models();
      out->set_name(entry.name);
      out->set_version(entry.version);
      out->set_state(std::string(entry.state));
      out->set_reason(entry.reason);
    }
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* RepositoryModelLoad(
      CallbackServerContext* context, const inference::RepositoryModelLoadRequest* request,
      inference::RepositoryModelLoadResponse* response) override {
    if (const Status admitted = admit(services_, *context, Role::kOperator, named(*request));
        !admitted.ok())
      return finish(context, admitted);
    const auto found = model(named(*request), "");
    if (!found) return finish(context, to_status(found.error()));
    response->set_model_name((*found)->name);
    response->set_is_loaded(true);
    return finish(context, Status::OK);
  }

  ServerUnaryReactor* RepositoryModelUnload(CallbackServerContext* context,
                                            const inference::RepositoryModelUnloadRequest* request,
                                            inference::RepositoryModelUnloadResponse*) override {
    if (const Status admitted = admit(services_, *context, Role::kOperator, named(*request));
        !admitted.ok())
      return finish(context, admitted);
    const auto found = model(named(*request), "");
    return finish(context, to_status(found ? unload_refusal() : found.error()));
  }

 private:
  core::Result<LiveModel> model(const std::string& name, const std::string& version) {
    return find_model_held(services_, name, version);
  }

  /// Triton's clients name the model in the second field, KServe's in the first.
  template <typename Message>
  static std::string named(const Message& request) {
    return request.model_name().empty() ? request.repository_name() : request.model_name();
  }

  const Services& services_;
  const Inferences inferences_;
};

InferenceService::InferenceService(const Services& services, net::WorkLane* lane)
    : calls_(std::make_unique<Calls>(services, lane)) {}

InferenceService::~InferenceService() = default;

grpc::Service& InferenceService::service() {
  return *calls_;
}

}  // namespace tenure::api
