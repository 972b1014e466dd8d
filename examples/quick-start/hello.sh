#!/bin/sh
echo "Hello from an artifact"
