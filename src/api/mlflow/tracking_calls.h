#pragma once

#include <string>

#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/http_message.h"

// The calls of MLflow's tracking protocol (mlflow.md §3): each reads its fields, calls the domain
// and appends the answer. Thread-safe.
namespace tenure::api::mlflow {

// experiment_calls.cpp
core::Result<> create_experiment(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> search_experiments(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_experiment(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_experiment_by_name(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_experiment(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> restore_experiment(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> update_experiment(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> set_experiment_tag(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_experiment_tag(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> search_datasets(const MlflowServices&, const net::Request&, std::string& out);

// run_calls.cpp
core::Result<> create_run(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> update_run(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_run(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> restore_run(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_run(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> search_runs(const MlflowServices&, const net::Request&, std::string& out);

// logging_calls.cpp
core::Result<> log_metric(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> log_parameter(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> set_tag(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_tag(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> log_batch(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> log_model(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> log_inputs(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> log_outputs(const MlflowServices&, const net::Request&, std::string& out);

// history_calls.cpp
core::Result<> get_history(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_bulk_history(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_sampled_history(const MlflowServices&, const net::Request&, std::string& out);

// logged_model_calls.cpp
core::Result<> create_logged_model(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> get_logged_model(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> finish_logged_model(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_logged_model(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> set_logged_model_tags(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> delete_logged_model_tag(const MlflowServices&, const net::Request&,
                                       std::string& out);
core::Result<> log_logged_model_params(const MlflowServices&, const net::Request&,
                                       std::string& out);
core::Result<> search_logged_models(const MlflowServices&, const net::Request&, std::string& out);

}  // namespace tenure::api::mlflow
