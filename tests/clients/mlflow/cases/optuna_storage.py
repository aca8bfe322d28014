"""Optuna's studies in MLflow runs (mlflow.optuna, from 3.0 on), with an unmodified client."""
import unittest

import mlflow
import optuna
from mlflow.optuna.storage import MlflowStorage

from naming import unique


class OptunaStorage(unittest.TestCase):
    def test_a_study_is_kept_and_taken_up_again(self):
        experiment = mlflow.create_experiment(unique(self.id()))
        name = unique("study")
        optuna.logging.set_verbosity(optuna.logging.WARNING)

        def storage():
            return MlflowStorage(experiment_id=experiment)

        def objective(trial):
            x = trial.suggest_float("x", -5, 5)
            trial.report(x, 0)
            trial.set_user_attr("seen", True)
            return (x - 1) ** 2

        sampler = optuna.samplers.RandomSampler(seed=1)
        optuna.create_study(study_name=name, storage=storage(), sampler=sampler).optimize(objective, n_trials=6)
        again = optuna.load_study(study_name=name, storage=storage(), sampler=sampler)
        again.optimize(objective, n_trials=4)
        self.assertEqual(len(again.trials), 10)
        self.assertEqual(min(t.value for t in again.trials), again.best_value)
        self.assertTrue(all(t.user_attrs["seen"] for t in again.trials))


if __name__ == "__main__":
    unittest.main()
