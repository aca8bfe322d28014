#include "api/mlflow/mlflow_services.h"
#include "api/mlflow/route_table.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

}  // namespace

std::vector<net::Route> tracking_routes(const MlflowServices& services) {
  RouteTable table(services);
  // clang-format off
  table.add<"/experiments/create">(Method::kPost, create_experiment, kWriter, "MLflow: make an experiment");
  table.add<"/experiments/search">(Method::kPost, search_experiments, kReader, "MLflow: find experiments");
  table.add<"/experiments/search">(Method::kGet, search_experiments, kReader, "MLflow: find experiments");
  table.add<"/experiments/get">(Method::kGet, get_experiment, kReader, "MLflow: an experiment by id");
  table.add<"/experiments/get-by-name">(Method::kGet, get_experiment_by_name, kReader, "MLflow: an experiment by name");
  table.add<"/experiments/delete">(Method::kPost, delete_experiment, kWriter, "MLflow: delete an experiment, so that it can be restored");
  table.add<"/experiments/restore">(Method::kPost, restore_experiment, kWriter, "MLflow: restore a deleted experiment with its runs");
  table.add<"/experiments/update">(Method::kPost, update_experiment, kWriter, "MLflow: rename an experiment");
  table.add<"/experiments/set-experiment-tag">(Method::kPost, set_experiment_tag, kWriter, "MLflow: set a tag of an experiment");
  table.add<"/experiments/delete-experiment-tag">(Method::kPost, delete_experiment_tag, kWriter, "MLflow: delete a tag of an experiment");
  table.add<"/experiments/search-datasets">(Method::kPost, search_datasets, kReader, "MLflow: data sets that runs of experiments read");
  table.add<"/runs/create">(Method::kPost, create_run, kWriter, "MLflow: begin a run");
  table.add<"/runs/update">(Method::kPost, update_run, kWriter, "MLflow: status, end and name of a run");
  table.add<"/runs/delete">(Method::kPost, delete_run, kWriter, "MLflow: delete a run, so that it can be restored");
  table.add<"/runs/restore">(Method::kPost, restore_run, kWriter, "MLflow: restore a deleted run");
  table.add<"/runs/get">(Method::kGet, get_run, kReader, "MLflow: a run with its params, tags and latest metrics");
  table.add<"/runs/search">(Method::kPost, search_runs, kReader, "MLflow: find runs");
  table.add<"/runs/log-metric">(Method::kPost, log_metric, kWriter, "MLflow: log one value of a metric");
  table.add<"/runs/log-parameter">(Method::kPost, log_parameter, kWriter, "MLflow: log a param");
  table.add<"/runs/set-tag">(Method::kPost, set_tag, kWriter, "MLflow: set a tag of a run");
  table.add<"/runs/delete-tag">(Method::kPost, delete_tag, kWriter, "MLflow: delete a tag of a run");
  table.add<"/runs/log-batch">(Method::kPost, log_batch, kWriter, "MLflow: log metrics, params and tags, all or nothing");
  table.add<"/runs/log-model">(Method::kPost, log_model, kWriter, "MLflow: tell that a run logged a model (2.x clients)");
  table.add<"/runs/log-inputs">(Method::kPost, log_inputs, kWriter, "MLflow: data sets and models that a run read");
  table.add<"/runs/outputs">(Method::kPost, log_outputs, kWriter, "MLflow: models that a run made");
  table.add<"/metrics/get-history">(Method::kGet, get_history, kReader, "MLflow: all values of a run's metric");
  table.add<"/metrics/get-history-bulk">(Method::kGet, get_bulk_history, kReader, "MLflow: values of a metric of several runs");
  table.add<"/metrics/get-history-bulk-interval">(Method::kGet, get_sampled_history, kReader, "MLflow: evenly chosen values of a metric of several runs");
  // clang-format on
  return table.take();
}

}  // namespace tenure::api::mlflow
