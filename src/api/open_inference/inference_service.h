#pragma once

#include <memory>

#include "api/routes.h"

namespace grpc {
class Service;
}
namespace tenure::net {
class WorkLane;
}

namespace tenure::api {

/// The Open Inference Protocol over gRPC (open_inference.proto): service
/// inference.GRPCInferenceService, for net::GrpcServer. Tensors come as raw bytes or as typed
/// contents and leave as raw bytes, which is what clients read. Statuses: NOT_FOUND,
/// INVALID_ARGUMENT, UNAVAILABLE before the first model, RESOURCE_EXHAUSTED over a limit,
/// UNIMPLEMENTED. Borrows `services`.
class InferenceService {
 public:
  /// `lane`: where inferences run, under its limit; UNAVAILABLE beyond it, with `retry-after` and
  /// `grpc-retry-pushback-ms` in the trailing metadata. Null: on gRPC's threads, without a limit.
  explicit InferenceService(const Services& services, net::WorkLane* lane = nullptr);
  ~InferenceService();
  InferenceService(const InferenceService&) = delete;
  InferenceService& operator=(const InferenceService&) = delete;

  grpc::Service& service();

 private:
  class Calls;
  std::unique_ptr<Calls> calls_;
};

}  // namespace tenure::api
