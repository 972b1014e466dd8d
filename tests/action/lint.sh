# A suite of scripts/test-action: the linters of workflows, actions and scripts.
# shellcheck shell=bash

# actionlint looks at action.yml by way of the workflows that use it.
actionlint -no-color .github/workflows/*.yml tests/action/*.yml examples/workflows/*.yml
zizmor --quiet --offline --no-progress --persona pedantic action.yml .github/workflows \
  examples/workflows/*.yml
zizmor --quiet --offline --no-progress tests/action/*.yml
check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
check-jsonschema --quiet --builtin-schema vendor.github-workflows examples/workflows/*.yml

# What runs in users' jobs.
shellcheck --external-sources action/install action/*.sh
powershell-syntax action/install.ps1
