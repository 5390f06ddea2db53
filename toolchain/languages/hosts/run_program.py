# Runs a Pulumi program in Python. What it is told comes from the language host, as words.
import asyncio
import logging
import os
import runpy
import sys
import traceback

import pulumi
import pulumi.runtime

# By this code the language host knows that the user was told all there is to tell.
ALREADY_REPORTED = 32

monitor, engine, project, stack, parallel, dry_run, organization, root, entry = sys.argv[1:10]


def main() -> int:
    runtime = pulumi.runtime
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    settings = runtime.Settings(
        monitor=monitor,
        engine=engine,
        project=project,
        stack=stack,
        parallel=int(parallel),
        dry_run=dry_run == "true",
        organization=organization,
        root_directory=root,
    )
    runtime.configure(settings)
    sys.argv = [entry, *sys.argv[10:]]
    sys.path.insert(0, os.path.dirname(entry))
    # It would say a second time what the engine says.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        program = runtime.run_in_stack(lambda: runpy.run_path(entry, run_name="__main__"))
        loop.run_until_complete(program)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ALREADY_REPORTED
    except Exception:
        pulumi.log.error(traceback.format_exc())
        return ALREADY_REPORTED
    finally:
        loop.close()
    return 0


code = main()
sys.stdout.flush()
sys.stderr.flush()
sys.exit(code)
