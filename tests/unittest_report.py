"""Runs one unittest file and ends with a JSON line of counts, for run.py."""
import importlib.util
import json
import sys
import unittest


def main():
    path, *options = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("suite", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["suite"] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    if options[:1] == ["-k"]:
        loader.testNamePatterns = [f"*{options[1]}*"]
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(loader.loadTestsFromModule(module))
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    good = result.testsRun - bad - len(result.skipped)
    print(json.dumps({"passed": max(good, 0), "failed": bad, "skipped": len(result.skipped)}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
