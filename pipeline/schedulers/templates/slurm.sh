#!/bin/bash
# Workers of Hypercolumn: each task of this array is one, and ends when nothing is left to do.
# They find the database as `hypercolumn submit` did: by datajoint.json in the folder below, or by the variables
# DJ_* and HYPERCOLUMN_*, which sbatch passes on. The folder of the logs must be there before a job starts.
{% for option in options %}
#SBATCH {{ option }}
{% endfor %}

# A node may show a job more cores than were asked for.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}"

# To cancel, preempt or requeue a job, Slurm sends SIGTERM to this shell and to the worker, which gives its task back
# and ends. The shell only has to outlive it, and must not send the worker a second one.
trap : TERM
# Before the time limit Slurm sends SIGUSR1, to this shell alone: the worker ends in the same way, and the job is
# queued again for another stretch of time.
requeue=
trap 'requeue=yes; kill -TERM "$worker"' USR1

{{ worker }} &
worker=$!
wait "$worker"
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; done # a signal ends one wait, not the worker
wait "$worker"
code=$?

# With the number of the task, since a job's number alone can mean the whole array.
if [[ $requeue ]]; then scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"; fi
exit "$code"
